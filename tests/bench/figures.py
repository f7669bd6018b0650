"""What the measuring programs share: series of figures, where they come from, and the two ways to print them.

A figure is kept as all its values; min, median and max are computed when it is printed. Nothing here knows what is measured.
"""

import argparse
import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = "/usr/bin/python3"  # Debian's: the one that has torch
PROGRAMS = ("everstep", "everstep-launcher", "everstep-agent", "everstep-keeper")
sys.path.insert(0, str(ROOT / "examples" / "lab"))
sys.dont_write_bytecode = True


def seconds(event: dict) -> float:
    """The moment of an event of `everstep events -o json`, in seconds since 1970."""
    return datetime.datetime.fromisoformat(event["at"]).timestamp()


@dataclasses.dataclass
class Figure:
    what: str
    unit: str
    values: list[float]
    target: float | None = None  # reached by a median that is not above it
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def plain(self) -> dict:
        plain = {"what": self.what, "unit": self.unit, "count": len(self.values)}
        if self.values:
            plain |= {"min": min(self.values), "median": self.median, "max": max(self.values)}
        if self.target is not None:
            plain |= {"target": self.target, "reached": bool(self.values) and self.median <= self.target}
        return plain | {"values": self.values} | ({"note": self.note} if self.note else {})

    def row(self) -> str:
        if not self.values:
            return f"{self.what:44} {self.unit:>5} {0:3}  not seen  {self.note}"
        numbers = "".join(f" {show(number):>8}" for number in (min(self.values), self.median, max(self.values)))
        target = "" if self.target is None else f" {show(self.target):>7} {'reached' if self.median <= self.target else 'MISSED'}"
        return f"{self.what:44} {self.unit:>5} {len(self.values):3}{numbers}{target}{'  ' + self.note if self.note else ''}"


HEADER = f" {'unit':>5} {'n':>3} {'min':>8} {'median':>8} {'max':>8} {'target':>7}"


def show(number: float) -> str:
    return f"{number:.0f}" if abs(number) >= 100 else f"{number:.2f}"


@dataclasses.dataclass
class Report:
    program: str
    sections: dict[str, list[Figure]]  # by title
    conditions: list[str]  # what a reader must know to judge them, a sentence each
    origin: dict  # see begin()
    peer: str = ""  # name and version of what it is compared with

    def print(self, form: str) -> None:
        origin = self.origin
        if form == "json":
            print(json.dumps({"program": self.program, **origin, "peer": self.peer, "conditions": self.conditions,
                              "figures": [{"section": title, **figure.plain()} for title, figures in self.sections.items()
                                          for figure in figures]}, indent=1))  # fmt: skip
            return
        peer = f"; beside {self.peer}" if self.peer else ""
        print(f"{self.program}: commit {origin['commit']}, programs {origin['programs']}{peer}")
        print(f"{origin['cpu']}, {origin['cores']} cores, {origin['memory_gib']} GiB, Linux {origin['kernel']}, {origin['at']}")
        for condition in self.conditions:
            print(condition)
        for title, figures in self.sections.items():
            print(f"\n{title:44}{HEADER}")
            for figure in figures:
                print(figure.row())


def where_from(build: pathlib.Path) -> dict:
    """The commit, the programs (a digest: a build may be older than the tree) and the machine."""
    git = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"]
    commit = subprocess.run(git, capture_output=True, text=True).stdout.strip()
    digest = hashlib.sha256(b"".join((build / "bin" / name).read_bytes() for name in PROGRAMS)).hexdigest()[:12]
    models = [line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {"commit": commit or "unknown", "programs": digest, "cpu": models[0] if models else platform.machine(),
            "cores": len(os.sched_getaffinity(0)), "memory_gib": round(memory), "kernel": platform.release(),
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}  # fmt: skip


def arguments(description: str, rounds: int) -> argparse.ArgumentParser:
    """The flags that all have; a program adds its own and parses."""
    parser = argparse.ArgumentParser(description=description.split("\n")[0])
    parser.add_argument("-o", "--output", choices=["table", "json"], default="table")
    # Whole: lab hosts stand in directories of their own.
    parser.add_argument("--build", type=lambda path: pathlib.Path(path).resolve(), default=ROOT / "build" / "release")
    parser.add_argument("--rounds", type=int, default=rounds)
    return parser


def say(text: str) -> None:
    """Progress: to stderr, so that stdout is the answer alone."""
    print(text, file=sys.stderr, flush=True)


def begin(options: argparse.Namespace) -> dict:
    """To be called first. SIGINT, SIGTERM and SIGHUP now unwind the stack, so that every `with` and `finally` cleans up; returns
    where the figures come from, as things are now."""

    def stop(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)
    return where_from(options.build)


def timed(call: Callable[[], object]) -> float:
    begin = time.monotonic()
    call()
    return time.monotonic() - begin
