# The other side of --compare gloo, a process a rank: COLLECTIVE TYPE RUNS WARMUPS SIZE... ; RUNS 0: as many as take a tenth of a
# second, 20 at least. Prints on rank 0, as JSON, what one run takes in microseconds, the mean of all ranks, by size in bytes.
import json
import sys
import time

import torch
import torch.distributed as dist

collective, kind, runs, warmups = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
types = {"float": torch.float, "double": torch.double, "half": torch.half, "bfloat16": torch.bfloat16, "int32": torch.int32, "int64": torch.int64}
dist.init_process_group("gloo")
rank, ranks = dist.get_rank(), dist.get_world_size()


def call(size):
    whole = torch.ones(size // torch.tensor([], dtype=types[kind]).element_size(), dtype=types[kind])
    if collective == "allreduce":
        return lambda: dist.all_reduce(whole)
    other = torch.ones_like(whole)
    shares = list(other.chunk(ranks))
    if collective == "allgather":
        return lambda: dist.all_gather(shares, shares[rank])
    if collective == "reducescatter":
        return lambda: dist.reduce_scatter(shares[rank], list(whole.chunk(ranks)))
    return lambda: dist.all_to_all_single(other, whole)


def agreed(seconds, how):
    value = torch.tensor([seconds], dtype=torch.float64)
    dist.all_reduce(value, op=how)
    return float(value[0])


results = []
for size in map(int, sys.argv[5:]):
    run = call(size)
    for _ in range(warmups + 1):
        begun = time.perf_counter()
        run()
    once = agreed(time.perf_counter() - begun, dist.ReduceOp.MAX)
    times = runs or int(min(max(0.1 / max(once, 1e-9), 20), 20000))
    dist.barrier()
    begun = time.perf_counter()
    for _ in range(times):
        run()
    mean = agreed((time.perf_counter() - begun) / times, dist.ReduceOp.SUM) / ranks
    results.append({"size": size, "in_place": {"time": mean * 1e6}})
if rank == 0:
    print(json.dumps({"program": "PyTorch " + torch.__version__, "results": results}))
