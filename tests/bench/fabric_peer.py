"""The other sides of tests/bench/fabric, a process a rank: `gloo` reduces with torch, `ring` moves a ring all-reduce's bytes over plain sockets and adds nothing.

Prints "SIZE GB/s" on rank 0: the bus bandwidth, after three runs to warm up, over at least 0.1 s.
"""

import os
import socket
import sys
import threading
import time

RANK, RANKS = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
PORT = 29700
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


class Ring:
    """2 (N - 1) steps, each a share of the buffer to the next rank while one comes from the one before."""

    def __init__(self):
        peers = os.environ["PEERS"].split(",")
        listener = socket.create_server((peers[RANK], PORT))
        while True:
            try:
                self.to = socket.create_connection((peers[(RANK + 1) % RANKS], PORT), timeout=30)
                break
            except ConnectionRefusedError:
                threading.Event().wait(0.05)
        self.come, _ = listener.accept()
        for one in (self.to, self.come):
            one.settimeout(None)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.wanted, self.sent = threading.Semaphore(0), threading.Semaphore(0)
        threading.Thread(target=self.send, daemon=True).start()

    def prepare(self, size: int) -> None:
        self.out, self.room = memoryview(bytearray(size // RANKS)), memoryview(bytearray(size // RANKS))

    def send(self) -> None:
        while True:
            self.wanted.acquire()
            self.to.sendall(self.out)
            self.sent.release()

    def run(self) -> None:
        for _ in range(2 * (RANKS - 1)):
            self.wanted.release()
            got = 0
            while got < len(self.room):
                got += self.come.recv_into(self.room[got:])
            self.sent.acquire()

    def slowest(self, seconds: float) -> float:
        """Round the ring twice: the largest comes back to everybody."""
        for _ in range(2 * RANKS):
            self.to.sendall(f"{seconds:24.12f}".encode())
            other = b""
            while len(other) < 24:
                other += self.come.recv(24 - len(other))
            seconds = max(seconds, float(other))
        return seconds


def main() -> None:
    side = Gloo() if sys.argv[1] == "gloo" else Ring()
    size, largest = int(sys.argv[2]), int(sys.argv[3])
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


main()
