"""torch's gloo as a side of tests/bench/fabric, a process a rank: fabric_peer.py FROM TO.

Prints "SIZE GB/s" on rank 0: the bus bandwidth, after three runs to warm up, over at least 0.1 s.
"""

import os
import sys
import time

RANK, RANKS = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
WARM, LEAST, MOST = 3, 20, 20_000


class Gloo:
    def __init__(self):
        import torch
        import torch.distributed

        torch.set_num_threads(1)
        torch.distributed.init_process_group("gloo")
        self.torch = torch

    def prepare(self, size: int) -> None:
        self.data = self.torch.ones(size // 4)

    def run(self) -> None:
        self.torch.distributed.all_reduce(self.data)

    def slowest(self, seconds: float) -> float:
        value = self.torch.tensor([seconds], dtype=self.torch.float64)
        self.torch.distributed.all_reduce(value, op=self.torch.distributed.ReduceOp.MAX)
        return float(value[0])

    def end(self) -> None:
        """All at once, and without its destructors: gloo aborts where a peer has gone first."""
        self.torch.distributed.barrier()
        os._exit(0)


def main() -> None:
    side = Gloo()
    size, largest = int(sys.argv[1]), int(sys.argv[2])
    while size <= largest:
        side.prepare(size)
        for _ in range(WARM):
            side.run()
        begun = time.perf_counter()
        side.run()
        runs = int(min(max(0.1 / side.slowest(time.perf_counter() - begun), LEAST), MOST))
        begun = time.perf_counter()
        for _ in range(runs):
            side.run()
        once = (time.perf_counter() - begun) / runs
        if RANK == 0:
            print(size, f"{size / once / 1e9 * 2 * (RANKS - 1) / RANKS:.4f}", flush=True)
        size *= 4
    side.end()


main()
