"""MPI programs: mpirun's remote start goes through agents and keepers, not ssh."""

import json
import shutil

from harness import require, story, wait_until


def there() -> bool:
    return shutil.which("mpirun") is not None


@story("An MPI program runs on three hosts without ssh, every byte checked, and its exit code is the job's", nodes=3)
def mpi_program(s):
    require(there(), "Open MPI is installed")
    probe = s.cluster.programs / "everstep-probe-mpi"
    env = ("--env", "OMPI_MCA_mpi_yield_when_idle=1", "--env", "OMPI_MCA_hwloc_base_binding_policy=none")
    said = s.cluster.run("run", "--mpi", "--nnodes", 3, *env, "--", probe, "allreduce", "--backend", "mpi", "-b", "8", "-e", "64K", "-f", "8")
    require("# Out of bounds values : 0 OK" in said, f"the table of three ranks: {said}")
    if s.lab.isolated:
        for name in ("n1", "n2", "n3"):
            require(f" on {name:>10} " in said or f" {name} " in said, f"{name} has a rank: {said}")
    bench = s.cluster.run("bench", "allgather", "n1", "n3", "--backend", "mpi", "-b", "1K", "-e", "1K")
    require("Open MPI" in bench and "# Out of bounds values : 0 OK" in bench, f"the same test through MPI: {bench}")
    ended = s.cluster.done("run", "--mpi", "--nnodes", 2, "--max-restarts", 0, "--", "sh", "-c", "exit 7")
    require(ended.returncode == 7, f"{ended}")


@story("bench --compare: the same through gloo and MPI on the same hosts, figures beside each other or why there are none", nodes=3)
def compared(s):
    require(there(), "Open MPI is installed")
    sizes = ("-b", "1K", "-e", "64K", "-f", "64", "-n", "2", "-w", "1")
    said = s.cluster.run("bench", "allreduce", "n1", "n3", *sizes, "--compare", "gloo,mpi")
    head = next(line for line in said.splitlines() if line.startswith("#         size   everstep "))
    require(head.split() == ["#", "size", "everstep", "gloo", "ratio", "mpi", "ratio"], f"a column each: {said}")
    rows = [line.split()[1:] for line in said.splitlines() if line.startswith(("#         1024 ", "#        65536 "))]
    require(len(rows) == 2 and all(len(row) == 6 and "-" not in row for row in rows), f"all was measured: {said}")
    require("# gloo: PyTorch " in said and "# mpi: " in said and "Open MPI" in said, f"through what: {said}")
    whole = json.loads(s.cluster.run("bench", "reducescatter", "n1", "n3", *sizes, "--compare", "gloo", "-o", "json"))
    require([peer["peer"] for peer in whole["compare"]] == ["gloo"] and "reduce_scatter" in whole["compare"][0]["why_not"], f"what gloo does not have: {whole}")
    wrong = s.cluster.done("bench", "pairs", "n1", "n3", "--compare", "gloo")
    require(wrong.returncode == 2 and "--compare has no meaning with pairs" in wrong.stderr, f"{wrong}")


@story("A cancelled MPI program leaves nothing behind on any host", nodes=3)
def mpi_cancelled(s):
    job = s.submit(nodes=3, command=["everstep-mpi", "--slots", "2", "--", "sleep", "4711"], env={"EVERSTEP_LAB": s.lab.id})
    sleeping = lambda: [pid for host in s.hosts.values() for pid in host.pids() if sleeps(pid)]  # noqa: E731
    wait_until(lambda: len(set(sleeping())) == 6, "two on each of three hosts")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    wait_until(lambda: not sleeping(), "none is left")


def sleeps(pid: int) -> bool:
    try:
        return open(f"/proc/{pid}/cmdline", "rb").read() == b"sleep\x004711\x00"
    except OSError:
        return False


@story("A host that is lost under an MPI program: the job starts again on another", nodes=3, needs_cut=True)
def mpi_host_lost(s):
    job = s.submit(nodes=2, spares=1, command=["everstep-mpi", "--slots", "1", "--", "sleep", "12"], env={"EVERSTEP_LAB": s.lab.id})
    job.wait_phase("running")
    wait_until(lambda: [pid for pid in s.hosts["n2"].pids() if open(f"/proc/{pid}/comm").read() == "orted\n"], "mpirun has reached n2")
    s.hosts["n2"].power_off()
    job.wait_generation(2)
    require(job.host_names() == ["n1", "n3"], f"{job.host_names()}")
    job.wait_phase("done", 60)
