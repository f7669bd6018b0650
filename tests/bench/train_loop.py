"""The script that tests/bench/recovery has launched by Everstep and by torchrun alike: PyTorch, gloo, steps of a set length.

An ordinary torchrun script. A step sleeps, sums a small gradient over all ranks and updates a small model, so it costs the
machine next to nothing and the time between two launchers is theirs. Rank 0 saves every --checkpoint-every steps, complete or
not at all. --resume takes a checkpoint, or `newest`: the script looks for it itself, where the launcher does not say.

Every rank writes what it does into --witness, one JSON line each, with the machine's clock: `start` before torch is imported,
`step` after each step. `world` names the group that a process belongs to: its rank 0's address and port.
"""

import json
import os
import socket
import sys
import time

STARTED = time.time()  # before the imports that take seconds

import argparse  # noqa: E402
import pathlib  # noqa: E402


def witness(path: pathlib.Path, event: str, at: float, **more: object) -> None:
    world = f"{os.environ['MASTER_ADDR']}:{os.environ['MASTER_PORT']}"
    line = {"at": at, "event": event, "world": world, "rank": int(os.environ["RANK"]), "host": socket.gethostname(),
            "pid": os.getpid(), **more}  # fmt: skip
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    os.write(file, json.dumps(line).encode() + b"\n")
    os.close(file)


def newest(directory: pathlib.Path) -> pathlib.Path | None:
    return max(directory.glob("step-*.pt"), key=lambda path: int(path.stem.split("-")[1]), default=None)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--witness", type=pathlib.Path, required=True)
    parser.add_argument("--checkpoints", type=pathlib.Path, required=True)
    parser.add_argument("--resume", type=pathlib.Path)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--step-seconds", type=float, default=0.05)
    parser.add_argument("--checkpoint-every", type=int, default=10)
    parser.add_argument("--timeout", type=float, default=1800, help="seconds that a collective may take; gloo's own default")
    options = parser.parse_args()
    witness(options.witness, "start", STARTED)

    import datetime

    import torch
    import torch.distributed as dist

    dist.init_process_group("gloo", timeout=datetime.timedelta(seconds=options.timeout))
    model, done = torch.zeros(256), 0
    path = newest(options.checkpoints) if str(options.resume) == "newest" else options.resume
    if path:
        saved = torch.load(path)
        model, done = saved["model"], saved["step"]
    for step in range(done + 1, options.steps + 1):
        time.sleep(options.step_seconds)
        gradient = torch.full((256,), float(step + dist.get_rank()))
        dist.all_reduce(gradient)
        model -= 1e-6 * gradient
        witness(options.witness, "step", time.time(), step=step)
        if dist.get_rank() == 0 and step % options.checkpoint_every == 0:
            unfinished = options.checkpoints / f".step-{step}.tmp"
            torch.save({"step": step, "model": model}, unfinished)
            os.replace(unfinished, options.checkpoints / f"step-{step}.pt")
    dist.barrier()
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
