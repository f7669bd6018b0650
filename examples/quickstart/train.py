"""Trains or fine-tunes the byte transformer with PyTorch's DistributedDataParallel: on CPUs over gloo, on GPUs over NCCL.

An ordinary torchrun script: it knows nothing of Everstep. What it does is what any launcher may ask of a script that is to
survive the loss of a host:

  - rank, world size and where rank 0 listens come from the environment (env://);
  - a checkpoint is complete or absent: written beside its place, synced, renamed; step-N.pt holds the state after N steps;
  - `--resume PATH` goes on from such a file. The data of a step depends on (seed, step, rank) only, so the losses after a resume
    are those of a run that was never broken;
  - SIGTERM: one more step at most, save, exit 143;
  - one JSON object a step on stdout: {"step": 17, "loss": 2.31, "time": …}; `time` is seconds since 1970.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import time

import torch
import torch.distributed as dist
from torch.nn import functional
from torch.nn.parallel import DistributedDataParallel

import texts
from model import ByteTransformer

CONTEXT = 128  # bytes a sample
WARM_UP = 25  # steps until the learning rate is whole: with fewer, random weights run away


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--text", choices=["fortunes", "bible"], required=True)
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("--base", type=pathlib.Path, help="a checkpoint whose weights to start from")
    start.add_argument("--from-scratch", action="store_true", help="start from random weights")
    parser.add_argument("--resume", type=pathlib.Path, help="a checkpoint of this very run: go on where it ends")
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=8, help="samples a step and rank")
    parser.add_argument("--learning-rate", type=float, default=3e-3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="cuda: each rank takes the GPU of its LOCAL_RANK")
    parser.add_argument("--checkpoint-dir", type=pathlib.Path, default=os.environ.get("EVERSTEP_CHECKPOINT_DIR"))
    parser.add_argument("--checkpoint-every", type=int, default=10, metavar="STEPS")
    return parser.parse_args()


def samples(text: torch.Tensor, seed: int, step: int, rank: int, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The inputs and targets of one step on one rank: a function of its arguments alone."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) * 1_009 + rank)
    starts = torch.randint(len(text) - CONTEXT - 1, (batch,), generator=generator)
    window = torch.stack([text[start : start + CONTEXT + 1] for start in starts.tolist()]).long()
    return window[:, :-1], window[:, 1:]


def save(directory: pathlib.Path, step: int, model: torch.nn.Module, optimizer: torch.optim.Optimizer) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    unfinished = directory / f".step-{step}.{os.getpid()}.tmp"
    with open(unfinished, "wb") as file:
        torch.save({"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(unfinished, directory / f"step-{step}.pt")
    folder = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(folder)
    os.close(folder)


def main() -> int:
    options = arguments()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    asked_to_stop = []
    signal.signal(signal.SIGTERM, lambda number, frame: asked_to_stop.append(number))

    device = torch.device("cpu")
    if options.device == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    rank = dist.get_rank()
    text = torch.frombuffer(bytearray(texts.load(options.text)), dtype=torch.uint8)

    torch.manual_seed(options.seed)
    model = ByteTransformer(context=CONTEXT).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.learning_rate, betas=(0.9, 0.95))
    done = 0
    if options.resume:
        saved = torch.load(options.resume, map_location="cpu")
        model.load_state_dict(saved["model"])
        optimizer.load_state_dict(saved["optimizer"])
        done = saved["step"]
    elif options.base:
        model.load_state_dict(torch.load(options.base, map_location="cpu")["model"])
    parallel = DistributedDataParallel(model)
    # It groups the gradients anew after its first pass, and other groups are summed in another order, which shows in the last
    # digits. A pass for nothing gets that over with, so that the first step after a resume is like any other.
    parallel(torch.zeros(1, CONTEXT, dtype=torch.long, device=device)).sum().backward()

    for step in range(done + 1, options.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = options.learning_rate * min(1.0, step / WARM_UP)
        inputs, targets = (part.to(device) for part in samples(text, options.seed, step, rank, options.batch))
        loss = functional.cross_entropy(parallel(inputs).flatten(0, 1), targets.flatten())
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

        # The mean loss, and whether any rank was asked to stop: then all stop, after the same step.
        shared = torch.tensor([loss.item(), float(bool(asked_to_stop))], device=device)
        dist.all_reduce(shared)
        stop = shared[1].item() > 0
        if rank == 0:
            mean = shared[0].item() / dist.get_world_size()
            print(json.dumps({"step": step, "loss": mean, "time": round(time.time(), 3)}), flush=True)
            if options.checkpoint_dir and (stop or step % options.checkpoint_every == 0 or step == options.steps):
                save(options.checkpoint_dir, step, model, optimizer)
        if stop:
            return 128 + signal.SIGTERM
    dist.barrier()  # rank 0 may still be saving: nobody leaves before the last checkpoint is there
    dist.destroy_process_group()  # else its threads now and then outlive what they use, and the rank that was done ends with SIGABRT
    return 0


if __name__ == "__main__":
    sys.exit(main())
