"""A cluster of `everstep up` with a home directory of its own, which goes with it."""

import contextlib
import json
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterator


class Local:
    """The command line as a person uses it after `up`."""

    def __init__(self, everstep: pathlib.Path, home: pathlib.Path):
        self.everstep = everstep
        self.home = home
        self.environment = {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(home), "LANG": "C.UTF-8",
                            "XDG_STATE_HOME": str(home / "state")}  # fmt: skip

    def __call__(self, *arguments: object) -> str:
        # A session of its own: Ctrl-C is for the measuring program, which then ends what `up` has begun.
        done = subprocess.run([self.everstep, *map(str, arguments)], env=self.environment, stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=120, start_new_session=True)  # fmt: skip
        if done.returncode != 0:
            raise SystemExit(f"everstep {' '.join(map(str, arguments))}: exit {done.returncode}: {done.stderr}{done.stdout}")
        return done.stdout

    def ask(self, *arguments: object) -> object:
        return json.loads(self(*arguments, "-o", "json"))

    def ready(self) -> int:
        return sum(node["phase"] == "ready" for node in self.ask("nodes"))


@contextlib.contextmanager
def local(build: pathlib.Path) -> Iterator[Local]:
    """Nothing is up yet; what is up at the end is ended."""
    with tempfile.TemporaryDirectory(prefix="everstep-bench-") as home:
        everstep = Local(build.resolve() / "bin" / "everstep", pathlib.Path(home))
        try:
            yield everstep
        finally:
            if (everstep.home / "state" / "everstep" / "local").exists():
                subprocess.run([everstep.everstep, "down", "--now"], env=everstep.environment, capture_output=True)
