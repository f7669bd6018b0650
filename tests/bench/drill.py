"""One drill: a lab of its own, the training loop on three of its hosts, one fault, and the moments until it steps again.

A *side* is what launches and restarts the loop: EverstepSide or TorchrunSide. Both get the same hosts, script and fault, and
one host more than the loop needs when a host is to be lost. Moments are read from the machine's one clock: the ranks' own
witness lines, Everstep's events, and the arrival of torchrun's log lines.
"""

import dataclasses
import json
import os
import pathlib
import re
import signal
import threading
import time
from collections.abc import Callable

from figures import PYTHON, ROOT, seconds
from cluster import Cluster
from lab import Host, Lab, send, wait_until

LOOP = ROOT / "tests" / "bench" / "train_loop.py"
WORLD = 3
STEPS_BEFORE = 247  # at least, 12 s and more: ranks that wait for a restart come after 5; the fault comes between two checkpoints
PATIENCE = 200.0  # torchrun takes a minute for some of it
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}


class Witness:
    """What the ranks wrote so far."""

    def __init__(self, path: pathlib.Path):
        self.path = path

    def lines(self, event: str) -> list[dict]:
        if not self.path.exists():
            return []
        lines = [json.loads(line) for line in self.path.read_text().split("\n")[:-1]]  # the last may be on its way
        return [line for line in lines if line["event"] == event]

    def newest_step(self) -> int:
        return max((line["step"] for line in self.lines("step")), default=0)

    def stepping_after(self, moment: float) -> dict | None:
        """The first step of a world whose ranks all started after `moment`."""
        old = {line["world"] for line in self.lines("start") if line["at"] < moment}
        return next((line for line in sorted(self.lines("step"), key=lambda line: line["at"]) if line["world"] not in old), None)


class EverstepSide:
    def __init__(self, lab: Lab, programs: pathlib.Path, profile: str, spare: bool, warm: bool = False):
        self.name = "everstep" if profile == "default" else f"everstep {profile}"
        self.warm = warm
        self.lab = lab
        self.spare = spare
        self.cluster = Cluster(lab, programs, {"profile": profile})
        self.cluster.start([f"n{number + 1}" for number in range(WORLD + spare)])
        self.hosts = self.cluster.nodes
        self.job = ""

    def train(self, place: pathlib.Path) -> None:
        job = {
            "name": "loop", "command": [PYTHON, str(LOOP), "--witness", str(place / "witness"), "--checkpoints", str(place / "saved")],
            "resume_args": ["--resume", "{resume}"], "nodes": WORLD, "spares": int(self.spare), "processes_per_node": 1,
            "restart": {"warm": ["torch", "torch.distributed"]} if self.warm else {},
            "workdir": str(place), "checkpoint": {"dir": str(place / "saved")}, "env": {**ENVIRONMENT, "EVERSTEP_LAB": self.lab.id},
        }  # fmt: skip
        (place / "job.yaml").write_text(json.dumps(job))
        self.job = self.cluster.ask("submit", place / "job.yaml")["job"]

    def noticed(self, fault: str, moment: float) -> float | None:
        """When the launcher had concluded it: the host lost, or the generation broken."""
        kind = "node_lost" if fault == "host-silent" else "generation_broken"
        return min((seconds(event) for event in self.events() if event["kind"] == kind and seconds(event) > moment), default=None)

    def events(self) -> list[dict]:
        return self.cluster.ask("events")

    def story(self, moment: float) -> list[str]:
        return [f"{seconds(event) - moment:8.3f}  {event['kind']}: {event['why']}" for event in self.events() if seconds(event) > moment]


class TorchrunSide:
    """torchrun with its c10d rendezvous on n1, which no fault touches, set up as quick as its flags allow: exactly WORLD hosts, so
    that it never waits for more (`last_call`), and workers looked at every 0.1 s (Debian's default is 5 s, later versions' 0.1 s)."""

    name = "torchrun"
    # What its log says when it has seen a worker end or a host come that may replace a dead one.
    NOTICED = re.compile(r"failed \(exitcode|Detected \d+ new nodes|closing signal")

    def __init__(self, lab: Lab, spare: bool, monitor_interval: float = 0.1):
        self.lab = lab
        self.monitor_interval = monitor_interval
        self.hosts = {name: lab.add_host(name) for name in (f"n{number + 1}" for number in range(WORLD + spare))}
        self.said: list[tuple[float, str, str]] = []  # when, which host, what
        self.readers: list[threading.Thread] = []

    def train(self, place: pathlib.Path) -> None:
        for name in list(self.hosts)[:WORLD]:
            self.start(name, place)
        for name in list(self.hosts)[WORLD:]:  # the spare comes when the others have begun, and so waits
            wait_until(lambda: Witness(place / "witness").newest_step(), "the first step", PATIENCE)
            self.start(name, place)
            wait_until(lambda: any(host == name and "Rendezvous'ing" in line for _, host, line in self.said), "the spare waits", PATIENCE)

    def start(self, name: str, place: pathlib.Path) -> None:
        pipe = place / f"{name}.log"
        os.mkfifo(pipe)
        self.readers.append(threading.Thread(target=self.read, args=(name, pipe), daemon=True))
        self.readers[-1].start()
        self.hosts[name].start(
            PYTHON, "-m", "torch.distributed.run", "--nnodes", WORLD, "--nproc_per_node", 1, "--rdzv_backend", "c10d",
            "--rdzv_endpoint", "n1:29400", "--rdzv_id", "loop", "--rdzv_conf", f"is_host={int(name == 'n1')}", "--max_restarts", 3,
            "--monitor_interval", self.monitor_interval, "--redirects", 1, "--tee", 1, "--log_dir", place / f"{name}.ranks",
            LOOP, "--witness", place / "witness", "--checkpoints", place / "saved", "--resume", "newest",
            log=pipe, environment={**ENVIRONMENT, "LOGLEVEL": "INFO"},
        )  # fmt: skip

    def read(self, name: str, pipe: pathlib.Path) -> None:
        with open(pipe, errors="replace") as lines:
            for line in lines:
                self.said.append((time.time(), name, line.rstrip()))

    def noticed(self, fault: str, moment: float) -> float | None:
        return min((at for at, _, line in self.said if at > moment and self.NOTICED.search(line)), default=None)

    def story(self, moment: float) -> list[str]:
        return [f"{at - moment:8.3f}  {name}: {line}" for at, name, line in self.said if at > moment]


@dataclasses.dataclass
class Outcome:
    side: str
    fault: str
    noticed: float | None  # seconds since the fault, as the others
    executed: float | None  # when the last rank of the world that stepped next had begun to run
    stepped: float | None
    steps_lost: int | None
    story: list[str]


# ---- faults ----


def kill_rank(host: Host, start: dict) -> float:
    pid = host.pid_outside(start["pid"])
    moment = time.time()
    send({pid}, signal.SIGKILL)
    return moment


def reset_host(host: Host, start: dict) -> float:
    """Every process of the host at once, its kernel lives: peers see their connections reset."""
    pids = host.pids()
    moment = time.time()
    send(pids, signal.SIGKILL)
    return moment


def silence_host(host: Host, start: dict) -> float:
    """The link is cut, then everything is killed: no FIN, no RST."""
    moment = time.time()
    host.cut()
    host.power_off()
    return moment


# Each does it and returns when.
FAULTS: dict[str, Callable[[Host, dict], float]] = {"rank-kill": kill_rank, "host-reset": reset_host, "host-silent": silence_host}


def play(make_side: Callable[[Lab, bool], object], fault: str, patience: float = PATIENCE) -> Outcome:
    with Lab() as lab:
        place = lab.directory / "loop"
        (place / "saved").mkdir(parents=True)
        side = make_side(lab, fault != "rank-kill")
        witness = Witness(place / "witness")
        side.train(place)
        wait_until(lambda: (step := witness.newest_step()) >= STEPS_BEFORE and step % 10 == 7, f"step {STEPS_BEFORE} under {side.name}", PATIENCE)
        victim = next(line for line in witness.lines("start") if line["rank"] == 1)
        moment = FAULTS[fault](side.hosts[victim["host"]], victim)
        before = witness.newest_step()
        try:
            step = wait_until(lambda: witness.stepping_after(moment), "it steps again", patience)
        except Exception:
            step = None
        noticed = side.noticed(fault, moment)
        starts = [line["at"] for line in witness.lines("start") if step and line["world"] == step["world"]]
        return Outcome(
            side.name, fault, noticed and noticed - moment, max(starts) - moment if step else None, step and step["at"] - moment,
            before - (step["step"] - 1) if step else None, side.story(moment),
        )  # fmt: skip
