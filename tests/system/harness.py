"""The system tests' verbs: real daemons on a lab of hosts (examples/lab), a fake trainer (trainer.py), one fault a story.

    @story("A killed rank is restarted where it was")
    def rank_killed(s):
        job = s.submit(nodes=2)
        ...

A story gets a System of its own with `nodes` hosts n1, n2, … A story waits for conditions with deadlines and never asserts a time. When it
is over the harness itself checks what must hold in every story: no rank of a generation did a step after a rank of a later
generation had started (one world), and nothing torn was ever loaded (the trainer checks what it resumes from).
"""

import dataclasses
import json
import pathlib
import signal
import sys
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "lab"))

from cluster import CliError, Cluster  # noqa: E402, F401
from lab import Lab, LabError, ended, send, wait_until  # noqa: E402, F401

TRAINER = ROOT / "tests" / "system" / "trainer.py"
PYTHON = "/usr/bin/python3"
PATIENCE = 60.0  # seconds for what takes a few; machines are busy


@dataclasses.dataclass
class Story:
    title: str
    play: Callable[["System"], None]
    nodes: int
    needs_cut: bool  # links must be cuttable: namespaces
    settings: dict
    agent: dict
    needs_file: str  # to be read and written


STORIES: list[Story] = []


def story(title: str, nodes: int = 3, needs_cut: bool = False, agent: dict | None = None, needs_file: str = "", **settings: object) -> Callable:
    """Registers a story. `settings` go into launcher.yaml, `agent` into each agent.yaml; lost hosts are noticed by the `fast` profile unless it says otherwise."""

    def register(play: Callable[["System"], None]) -> Callable:
        STORIES.append(Story(title, play, nodes, needs_cut, {"profile": "fast", **settings}, agent or {}, needs_file))
        return play

    return register


def require(condition: object, what: str) -> None:
    if not condition:
        raise AssertionError(what)


class Job:
    def __init__(self, system: "System", job_id: str, witness: pathlib.Path, checkpoints: pathlib.Path, hold: pathlib.Path):
        self.system = system
        self.id = job_id
        self._hold = hold
        self.witness_file = witness
        self.checkpoints = checkpoints
        # Hosts that were frozen: no timer runs while a host stands still, so its ranks may move for a moment when it thaws, before
        # their keeper kills them. Exclusion is promised for pauses below the fence's margin only.
        self.thawed: set[str] = set()

    # ---- what Everstep says ----

    def view(self) -> dict:
        return self.system.cluster.ask("job", self.id)

    def events(self) -> list[dict]:
        return self.system.cluster.ask("events", "--job", self.id)

    def whys(self) -> str:
        return "\n".join(event["why"] for event in self.events())

    def host_names(self) -> list[str]:
        """By rank order."""
        return [host["node"] for host in self.view()["hosts"]]

    def release(self) -> None:
        """Lets the trainer do its last step: until then the job cannot be over before the fault that the story has for it."""
        self._hold.unlink(missing_ok=True)

    def wait_phase(self, phase: str, seconds: float = PATIENCE) -> dict:
        if phase == "done":
            self.release()

        def reached() -> dict | None:
            view = self.view()
            if view["phase"] == phase:
                return view
            require(view["phase"] not in ("done", "failed", "cancelled"), f"{self.id} is {view['phase']}: {view['why']}")
            return None

        return wait_until(reached, f"{self.id} is {phase}", seconds, every=0.05)

    def wait_generation(self, number: int) -> dict:
        return wait_until(lambda: (view := self.view())["generation"] >= number and view, f"{self.id} is in generation {number}",
                          PATIENCE, every=0.05)  # fmt: skip

    # ---- what the ranks did ----

    def witness(self, event: str, **match: object) -> list[dict]:
        if not self.witness_file.exists():
            return []
        # The last line may still be on its way.
        lines = [json.loads(line) for line in self.witness_file.read_text().split("\n")[:-1]]
        return [line for line in lines if line["event"] == event and all(line[key] == value for key, value in match.items())]

    def wait_step(self, step: int, generation: int | None = None, seconds: float = PATIENCE) -> None:
        wait_until(
            lambda: any(line["step"] >= step and generation in (None, line["generation"]) for line in self.witness("step")),
            f"{self.id} does step {step}" + (f" in generation {generation}" if generation else ""), seconds,
        )  # fmt: skip

    def wait_saved(self, step: int) -> None:
        wait_until(lambda: self.witness("saved", step=step), f"{self.id} has saved step {step}", PATIENCE)

    def wait_registered(self, step: int) -> dict:
        """Until Everstep would resume from `step` or a newer one."""

        def registered() -> dict | None:
            checkpoint = self.view()["checkpoint"]
            return checkpoint if checkpoint and checkpoint["step"] >= step else None

        return wait_until(registered, f"{self.id}'s checkpoint of step {step} is registered", PATIENCE, every=0.05)

    def starts(self, generation: int) -> list[dict]:
        return sorted(self.witness("start", generation=generation), key=lambda line: line["rank"])

    def kill_rank(self, rank: int, number: int = signal.SIGKILL) -> None:
        newest = max(line["generation"] for line in self.witness("start"))
        start = self.witness("start", generation=newest, rank=rank)[0]
        host = self.system.host_of(start)
        send({host.pid_outside(start["pid"])}, number)

    def require_one_world(self) -> None:
        """No step of an older generation after a newer one had started to run."""
        for start in self.witness("start"):
            late = [step for step in self.witness("step") if step["generation"] < start["generation"] and step["at"] > start["at"]
                    and step["host"] not in self.thawed]
            require(not late, f"two worlds: generation {start['generation']} started at {start['at']:.3f}, and then {late[:1]}")

    def require_exact(self) -> None:
        """Every rank's model after every step is that of an unbroken run, whatever was repeated."""
        seen: dict[int, int] = {}
        for line in self.witness("step"):
            before = seen.setdefault(line["step"], line["model"])
            require(before == line["model"], f"step {line['step']} was done twice with different results")
        world = self.starts(1)[0]["environment"]["WORLD_SIZE"]
        model = 1
        for step in range(1, max(seen) + 1):
            total = sum(step * 1_000_003 + rank * 7_919 for rank in range(int(world)))
            model = (model * 6_364_136_223_846_793_005 + total) % 2**64
            require(seen.get(step) == model, f"step {step} is not what an unbroken run gives")


class System:
    """A cluster of real daemons on a lab of its own, for one story."""

    def __init__(self, programs: pathlib.Path, nodes: int, settings: dict, agent: dict | None = None, isolated: bool | None = None):
        self.lab = Lab(isolated=isolated)
        self.cluster = Cluster(self.lab, programs, settings, agent)
        self.jobs: list[Job] = []
        self.cluster.start([f"n{number + 1}" for number in range(nodes)])
        self.hosts = self.cluster.nodes

    def host_of(self, start: dict):
        """The host on which a rank said "start"."""
        if self.lab.isolated:
            return self.hosts[start["host"]]
        return next(host for host in self.hosts.values() if start["pid"] in host.pids())

    def submit(self, name: str = "story", *, nodes: int = 2, spares: int = 0, per_node: int = 1, trainer: list[object] = (),
               launch: list[object] = (), command: list[object] | None = None, isolate: str = "pin", **keys: object) -> Job:  # fmt: skip
        """Submits the fake trainer with `trainer` as its arguments, started by `launch`, or `command`; `keys` as in a job file. The trainer
        stays before its last step until Job.release()."""
        place = self.lab.directory / f"{name}-{len(self.jobs)}"
        place.mkdir()
        witness, checkpoints = place / "witness.jsonl", place / "checkpoints"
        checkpoints.mkdir()
        hold = place / "hold"
        hold.touch()
        argv = command or [*launch, PYTHON, TRAINER, "--witness", witness, "--hold", hold, *trainer]
        file = place / "job.yaml"
        job = {
            "name": name, "command": [str(word) for word in argv], "resume_args": ["--resume", "{resume}"], "nodes": nodes,
            "spares": spares, "processes_per_node": per_node, "workdir": str(place), "checkpoint": {"dir": str(checkpoints), "isolate": isolate},
            "env": {"EVERSTEP_LAB": self.lab.id}, **keys,
        }  # fmt: skip
        file.write_text(json.dumps(job))
        submitted = self.cluster.ask("submit", file)
        self.jobs.append(Job(self, submitted["job"], witness, checkpoints, hold))
        return self.jobs[-1]

    def node(self, name: str) -> dict:
        return next(node for node in self.cluster.ask("nodes") if node["node"] == name)

    def wait_node(self, name: str, *phases: str) -> dict:
        return wait_until(lambda: (node := self.node(name))["phase"] in phases and node, f"{name} is {' or '.join(phases)}",
                          PATIENCE, every=0.05)  # fmt: skip

    def whys(self) -> str:
        """Of all events, not of one job's alone."""
        return "\n".join(event["why"] for event in self.cluster.ask("events"))

    def check_always(self) -> None:
        for job in self.jobs:
            job.require_one_world()

    def last_words(self) -> str:
        """For a story that failed: what the daemons and the ranks logged last."""
        parts = []
        for log in sorted(self.lab.directory.rglob("*.log")) + sorted(self.lab.directory.rglob("*.err")):
            parts.append(f"--- {log.relative_to(self.lab.directory)}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        for job in self.jobs:
            try:
                parts.append(f"--- {job.id}\n{json.dumps(job.view(), indent=1)}\n{job.whys()}")
            except Exception as error:  # the cluster may be what failed
                parts.append(f"--- {job.id}: {error}")
        return "\n".join(parts)

    def close(self) -> None:
        self.lab.close()
