"""The quickstart's story on a lab of four hosts: train a base, fine-tune it, lose a host in the middle, go on. Started by ./run.

Everything it shows with a time stamp is Everstep's own sentence, read from `everstep events`. Exit 0 only if all of it happened:
the host was lost, the spare took over, the job went on from its newest registered checkpoint with the same losses, ended
`done`, and the base had helped.
"""

import argparse
import datetime
import hashlib
import json
import os
import pathlib
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "lab"), str(HERE)]

import report  # noqa: E402
import texts  # noqa: E402
from cluster import Cluster  # noqa: E402
from lab import Lab, LabError  # noqa: E402

NODES = ["n1", "n2", "n3", "n4"]
BASE_STEPS, STEPS, CHECKPOINT_EVERY = 150, 80, 10
FAULT_AT = 36  # between two checkpoints, so that there is something to lose
PATIENCE = 300.0  # seconds without any news before it gives up


class Failed(Exception):
    pass


def say(text: str = "") -> None:
    print(text, flush=True)


def clock(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds)) + f".{int(seconds * 1000) % 1000:03}"


class Follower:
    """A program whose output lines (and complaints) go to `on_line` as they come."""

    def __init__(self, argv: list[str], environment: dict[str, str], on_line: Callable[[str], None]):
        self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        env=environment, start_new_session=True)  # fmt: skip
        self.on_line = on_line
        self._rest = b""

    def stop(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)  # the whole group: what entered the host is its child

    def read(self) -> bool:
        """Called when there is something to read; False at the end."""
        data = os.read(self.process.stdout.fileno(), 65536)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self.on_line(line.decode(errors="replace"))
        return bool(data)


def follow(followers: list[Follower]) -> None:
    """Until all of them have ended."""
    with selectors.DefaultSelector() as selector:
        for follower in followers:
            selector.register(follower.process.stdout, selectors.EVENT_READ, follower)
        while selector.get_map():
            ready = selector.select(PATIENCE)
            if not ready:
                raise Failed(f"nothing happened for {PATIENCE:g} s")
            for key, _ in ready:
                if not key.data.read():
                    selector.unregister(key.fileobj)
                    key.data.process.wait()


def metric(line: str) -> dict | None:
    """The trainer's JSON line behind Everstep's rank prefix."""
    start = line.find('{"step"')
    try:
        return json.loads(line[start:]) if start >= 0 else None
    except ValueError:
        return None


class Demo:
    def __init__(self, cluster: Cluster, python: str):
        self.cluster = cluster
        self.python = python
        self.lab = cluster.lab
        self.environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "XDG_CACHE_HOME": str(texts.cache_dir().parents[1]), "OMP_NUM_THREADS": "1",
            "PYTHONDONTWRITEBYTECODE": "1", "EVERSTEP_LAB": self.lab.id,
            **{name: value for name, value in os.environ.items() if name.startswith("OPENBLAS_")},
        }  # fmt: skip

    # ---- runs that nobody disturbs ----

    def run(self, nodes: int, *trainer: object) -> dict[int, float]:
        """`everstep run` of the training script, to its end; the losses by step."""
        losses: dict[int, float] = {}

        def show(line: str) -> None:
            if found := metric(line):
                losses[found["step"]] = found["loss"]
                if found["step"] % 20 == 0:
                    say(f"    step {found['step']:4}  loss {found['loss']:.3f}")
            else:
                say(f"    {line}")

        forwarded = [word for name, value in self.environment.items() for word in ("--env", f"{name}={value}")]
        arguments = ["run", "--nnodes", nodes, "--nproc-per-node", 1, *forwarded, "--", self.python, HERE / "train.py", *trainer]
        say(f"    $ everstep run --nnodes {nodes} -- python3 train.py {' '.join(map(str, trainer))}")
        follower = Follower(self.cluster.command(*arguments), self.cluster.control.environment(), show)
        follow([follower])
        if follower.process.returncode != 0:
            raise Failed(f"everstep run ended with exit code {follower.process.returncode}")
        return losses

    def base(self) -> pathlib.Path:
        """The trained base, kept under the cache directory; another model or script makes another one."""
        made_from = b"".join((HERE / name).read_bytes() for name in ("model.py", "train.py", "texts.py")) + str(BASE_STEPS).encode()
        kept = texts.cache_dir() / f"base-{hashlib.sha256(made_from).hexdigest()[:12]}.pt"
        if kept.exists():
            say(f"\n1. The base: kept from an earlier run ({kept})")
            return kept
        say(f"\n1. The base: {BASE_STEPS} steps on Debian's fortunes, four hosts (kept for the next time)")
        place = self.lab.directory / "base"
        self.run(4, "--text", "fortunes", "--from-scratch", "--steps", BASE_STEPS, "--checkpoint-dir", place,
                 "--checkpoint-every", BASE_STEPS)  # fmt: skip
        unfinished = kept.with_suffix(f".{os.getpid()}.tmp")
        shutil.copyfile(place / f"step-{BASE_STEPS}.pt", unfinished)
        os.replace(unfinished, kept)
        return kept

    # ---- the one that loses a host ----

    def fine_tune(self, base: pathlib.Path) -> "FineTune":
        job_file = self.lab.directory / "finetune.json"
        job = {
            "name": "finetune",
            "command": [self.python, str(HERE / "train.py"), "--text", "bible", "--base", str(base), "--steps", str(STEPS),
                        "--checkpoint-every", str(CHECKPOINT_EVERY)],
            "resume_args": ["--resume", "{resume}"],
            "nodes": 3,
            "spares": 1,
            "processes_per_node": 1,
            "workdir": str(HERE),
            "env": self.environment,
            "checkpoint": {"dir": str(self.lab.directory / "finetune")},
        }  # fmt: skip
        (self.lab.directory / "finetune").mkdir()
        job_file.write_text(json.dumps(job, indent=2))
        say(f"\n2. Fine-tuning on the King James text: {STEPS} steps, three hosts, one spare")
        say("    $ everstep submit finetune.json; everstep events -f; everstep logs finetune -f --rank 0")
        before = max(event["index"] for event in self.cluster.ask("events"))
        return FineTune(self.cluster, self.cluster.ask("submit", job_file)["job"], before).play()


class FineTune:
    """Watches the job, takes a host away in the middle, and keeps what is needed to judge the outcome."""

    def __init__(self, cluster: Cluster, job: str, submitted_after: int):
        self.cluster = cluster
        self.job = job
        self.submitted_after = submitted_after  # the newest event before the job
        self.before: dict[int, float] = {}  # losses until the fault
        self.after: dict[int, float] = {}  # and after the restart
        self.events: list[dict] = []
        self.follower: Follower | None = None  # of events
        self.hosts: list[str] = []
        self.victim = ""
        self.fault_at = 0.0  # seconds since 1970, as all times here
        self.stepped_at = 0.0

    def play(self) -> "FineTune":
        # All events, not the job's alone: what is seen of the host comes before what is decided about the job.
        environment = self.cluster.control.environment()
        events = self.cluster.command("events", "-f", "--after", self.submitted_after, "-o", "json")
        logs = self.cluster.command("logs", self.job, "-f", "--rank", 0)
        self.follower = Follower(events, environment, self.on_event)
        follow([self.follower, Follower(logs, environment, self.on_log)])
        return self

    def on_event(self, line: str) -> None:
        event = json.loads(line)
        if event["why"] not in (earlier["why"] for earlier in self.events):
            say(f"    {clock(seconds(event))}  {event['why']}")
        self.events.append(event)
        if event["kind"] == "job_ended":
            self.follower.stop()

    def on_log(self, line: str) -> None:
        found = metric(line)
        if not found:
            return
        if self.victim and not self.after and found["step"] <= max(self.before):
            self.stepped_at = found["time"]
        curve = self.after if self.stepped_at else self.before
        curve[found["step"]] = found["loss"]
        if found["step"] % CHECKPOINT_EVERY == 0 or self.stepped_at == found["time"]:
            say(f"    {clock(found['time'])}  step {found['step']}  loss {found['loss']:.3f}")
        if found["step"] >= FAULT_AT and not self.victim:
            self.take_a_host_away()

    def take_a_host_away(self) -> None:
        self.hosts = self.hosts_now()
        self.victim = self.hosts[1]
        host = self.cluster.nodes[self.victim]
        self.fault_at = time.time()
        if self.cluster.lab.isolated:
            host.cut()
            how = "link cut, then killed: no FIN, no RST, nobody is told"
        else:
            how = "agent, keeper and ranks killed: connections reset"
        host.power_off()
        say(f"    {clock(self.fault_at)}  >>> {self.victim} is taken away ({how})")

    def hosts_now(self) -> list[str]:
        return [host["node"] for host in self.view()["hosts"]]

    def view(self) -> dict:
        return self.cluster.ask("job", self.job)

    def when(self, kind: str) -> float:
        """The first event of this kind after the fault."""
        for event in self.events:
            if event["kind"] == kind and seconds(event) >= self.fault_at:
                return seconds(event)
        raise Failed(f"no {kind} after {self.victim} was taken away")

    def check(self) -> None:
        """Failed unless the job went through the loss as promised."""
        view = self.view()
        resumed = min(self.after, default=0) - 1
        repeated = [step for step in self.after if step in self.before]
        for condition, what in (
            (view["phase"] == "done", f"the job is {view['phase']}: {view['why']}"),
            (self.victim, "the job was over before a host could be taken away"),
            (self.victim not in self.hosts_now(), f"{self.victim} is still among its hosts"),
            (resumed > 0 and resumed % CHECKPOINT_EVERY == 0, f"it went on from step {resumed}, not from a checkpoint"),
            (resumed + CHECKPOINT_EVERY > max(self.before), "an older checkpoint than the newest was used"),
            (max(self.after, default=0) == STEPS, "the last step is missing"),
            (all(self.after[step] == self.before[step] for step in repeated), "steps that were done twice differ"),
        ):
            if not condition:
                raise Failed(what)


def seconds(event: dict) -> float:
    return datetime.datetime.fromisoformat(event["at"]).timestamp()


def summarise(tuned: FineTune, scratch: dict[int, float]) -> None:
    resumed = min(tuned.after) - 1
    lost = max(tuned.before) - resumed
    fine, plain = report.mean_of_last(tuned.after), report.mean_of_last(scratch)
    say("\nRecovery")
    say(report.recovery(tuned.fault_at, tuned.when("node_lost"), tuned.when("generation_planned"), tuned.when("generation_started"),
                        tuned.stepped_at))  # fmt: skip
    say(f"  lost       {lost:7} steps  done {max(tuned.before)}, resumed from {resumed}; done again with the same losses, digit for digit")
    say(f"  hosts            {', '.join(tuned.hosts)} -> {', '.join(tuned.hosts_now())}, by rank")
    say("\nLoss")
    say(report.plot({"scratch": scratch, "before the host was lost": tuned.before, "after": tuned.after}))
    say(f"\n  mean of the last 10 of {STEPS} steps: fine-tuned {fine:.3f}, from scratch {plain:.3f}")
    if fine >= plain:
        raise Failed("the base did not help")


def play(lab: Lab, options: argparse.Namespace) -> None:
    for name in ("fortunes", "bible"):
        texts.load(name)
    cluster = Cluster(lab, options.build.resolve() / "bin")
    cluster.start(NODES)
    say(f"A launcher and {len(NODES)} agents run, each on a host of its own: {lab.limits or 'network, process ids and name in namespaces'}")
    demo = Demo(cluster, options.python)
    tuned = demo.fine_tune(demo.base())
    tuned.check()
    say(f"\n3. The same from random weights, for comparison: {STEPS} steps, the three hosts that are left")
    summarise(tuned, demo.run(3, "--text", "bible", "--from-scratch", "--steps", STEPS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--keep", action="store_true", help="leave the lab's directory behind")
    parser.add_argument("--processes", action="store_true", help="plain processes, also where namespaces could be had")
    options = parser.parse_args()
    begin = time.monotonic()
    lab = Lab(keep=options.keep, isolated=False if options.processes else None)
    try:
        play(lab, options)
    except (Failed, LabError) as failure:
        print(f"quickstart: {failure}", file=sys.stderr)
        return 1
    finally:
        lab.close()
        if options.keep:
            say(f"kept: {lab.directory}")
    say(f"\nAll of it happened, in {time.monotonic() - begin:.0f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
