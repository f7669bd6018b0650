"""A training script without the training: the system tests' stand-in for PyTorch, ready in 50 ms. Standard library only.

Like a real one it takes its place from the environment, sums over TCP with rank 0 in every step (a peer that is silently cut off
makes the others hang, a peer that dies gives them "connection reset"), saves zip files like torch.save's, and goes on from
one with --resume. Its "model" is one 64-bit number that every step folds the sum into: two runs that were fed the same end
with the same number, so an inexact resume shows.

Each rank also writes what it does, with the machine's own clock, into DIR/witness.jsonl, by which the tests judge (see
--witness). Nobody but the tests reads that.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import struct
import subprocess
import sys
import time
import zipfile

RANK, WORLD = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
GENERATION = int(os.environ.get("EVERSTEP_GENERATION", "0"))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--step-seconds", type=float, default=0.05)
    parser.add_argument("--checkpoint-every", type=int, default=10)
    parser.add_argument("--save-seconds", type=float, default=0.0, help="how long a save takes, written bit by bit")
    parser.add_argument("--in-place", action="store_true", help="save without a temporary file, as careless scripts do")
    parser.add_argument("--resume", type=pathlib.Path)
    parser.add_argument("--alone", action="store_true", help="sum over nothing: a rank that is cut off trains on")
    parser.add_argument("--witness", type=pathlib.Path, required=True)
    parser.add_argument("--fail-at", type=int, help="the step before which --fail-rank exits")
    parser.add_argument("--fail-rank", type=int, default=0)
    parser.add_argument("--fail-code", type=int, default=1)
    parser.add_argument("--complain", help="what rank 0 writes to stderr when it begins")
    parser.add_argument("--deaf", action="store_true", help="ignore SIGTERM, and leave a double-forked child that does too")
    parser.add_argument("--hold", type=pathlib.Path, help="stay before the last step for as long as this file stands")
    return parser.parse_args()


class Witness:
    def __init__(self, path: pathlib.Path):
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)

    def __call__(self, event: str, **more: object) -> None:
        line = {"at": time.clock_gettime(time.CLOCK_BOOTTIME), "event": event, "generation": GENERATION, "rank": RANK,
                "host": socket.gethostname(), "pid": os.getpid(), **more}  # fmt: skip
        os.write(self._file, json.dumps(line).encode() + b"\n")


class Gang:
    """The sum of every rank's number, in each step. Blocks for as long as a peer is silent."""

    def __init__(self, alone: bool):
        self._peers: list[socket.socket] = []
        self._alone = alone
        address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
        if alone or WORLD == 1:
            return
        if RANK == 0:
            with socket.create_server(("", address[1]), backlog=WORLD) as server:
                self._peers = [server.accept()[0] for _ in range(WORLD - 1)]
        else:
            self._peers = [self._reach(address)]
        for peer in self._peers:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    @staticmethod
    def _reach(address: tuple[str, int]) -> socket.socket:
        end = time.monotonic() + 60
        while True:
            try:
                connection = socket.create_connection(address, timeout=5)
                connection.settimeout(None)
                return connection
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)

    def total(self, number: int) -> int:
        if self._alone or WORLD == 1:
            return number * WORLD
        if RANK != 0:
            self._send(self._peers[0], number)
            return self._receive(self._peers[0])
        number = (number + sum(self._receive(peer) for peer in self._peers)) % 2**64
        for peer in self._peers:
            self._send(peer, number)
        return number

    @staticmethod
    def _send(peer: socket.socket, number: int) -> None:
        peer.sendall(struct.pack("<Q", number))

    @staticmethod
    def _receive(peer: socket.socket) -> int:
        data = b""
        while len(data) < 8:
            more = peer.recv(8 - len(data))
            if not more:
                raise ConnectionResetError("Connection closed by peer")
            data += more
        return struct.unpack("<Q", data)[0]


def save(options: argparse.Namespace, directory: pathlib.Path, step: int, model: int) -> None:
    """A zip like torch.save's, written in many small pieces over --save-seconds."""
    final = directory / f"step-{step}.pt"
    path = final if options.in_place else directory / f".{final.name}.{os.getpid()}.tmp"
    with open(path, "wb") as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            archive.writestr("archive/data.pkl", json.dumps({"step": step, "model": model, "generation": GENERATION}))
            for part in range(20):
                archive.writestr(f"archive/data/{part}", struct.pack("<QQ", step, model) * 512)
                file.flush()
                time.sleep(options.save_seconds / 20)
            archive.writestr("archive/version", "3\n")
        file.flush()
        os.fsync(file.fileno())
    if not options.in_place:
        os.replace(path, final)


def load(path: pathlib.Path) -> tuple[int, int]:
    with zipfile.ZipFile(path) as archive:
        head = json.loads(archive.read("archive/data.pkl"))
        expected = struct.pack("<QQ", head["step"], head["model"]) * 512
        for part in range(20):
            assert archive.read(f"archive/data/{part}") == expected, f"{path} mixes two saves"
    return head["step"], head["model"]


def leave_a_daemon_behind(witness: Witness) -> None:
    """What data loaders do at their worst: a child of nobody, deaf to SIGTERM, in a session of its own."""
    code = "import signal,time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(3600)"
    launch = f"import subprocess,sys; print(subprocess.Popen([sys.executable, '-c', {code!r}], start_new_session=True, stdout=2).pid)"
    done = subprocess.run([sys.executable, "-c", launch], start_new_session=True, stdout=subprocess.PIPE, check=True)
    witness("daemon", daemon=int(done.stdout))


def main() -> int:
    options = arguments()
    witness = Witness(options.witness)
    directory = pathlib.Path(os.environ.get("EVERSTEP_CHECKPOINT_DIR", "."))
    done, model = load(options.resume) if options.resume else (0, 1)
    witness("start", resumed=done, environment={name: os.environ.get(name) for name in (
        "LOCAL_RANK", "GROUP_RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT", "TORCHELASTIC_RESTART_COUNT", "EVERSTEP_JOB_ID")})
    if options.deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        leave_a_daemon_behind(witness)
    if options.complain and RANK == 0:
        print(options.complain, file=sys.stderr, flush=True)
    gang = Gang(options.alone)
    for step in range(done + 1, options.steps + 1):
        while options.hold and step == options.steps and options.hold.exists():
            time.sleep(0.02)
        time.sleep(options.step_seconds)
        if step == options.fail_at and RANK == options.fail_rank:
            print(f"RuntimeError: step {step} is where rank {RANK} fails", file=sys.stderr)
            return options.fail_code
        total = gang.total(step * 1_000_003 + RANK * 7_919)
        model = (model * 6_364_136_223_846_793_005 + total) % 2**64
        witness("step", step=step, model=model)
        if RANK == 0:
            print(json.dumps({"step": step, "loss": model / 2**64}), flush=True)
            if step % options.checkpoint_every == 0 or step == options.steps:
                save(options, directory, step, model)
                witness("saved", step=step)
    gang.total(0)  # nobody leaves before rank 0 has saved
    witness("end", model=model)
    return 0


if __name__ == "__main__":
    sys.exit(main())
