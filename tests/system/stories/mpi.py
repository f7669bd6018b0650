"""MPI programs: mpirun's remote start goes through agents and keepers, not ssh."""

import json
import pathlib
import shutil

from harness import require, story, wait_until


def there() -> bool:
    return shutil.which("mpirun") is not None


def own_place(s) -> dict[str, str]:
    """Where Open MPI keeps its session's files: in the lab, or what is left of a killed one lies in /tmp and /dev/shm for ever."""
    return {name: str(s.lab.directory) for name in ("OMPI_MCA_orte_tmpdir_base", "OMPI_MCA_btl_vader_backing_directory")}


def bench(s, *arguments: object) -> str:
    """It hands on its caller's variables of Open MPI."""
    return s.cluster.run("bench", *arguments, environment=own_place(s))


def command_of(pid: int) -> bytes:
    """Empty if it has ended meanwhile."""
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def name_of(pid: int) -> str:
    """Empty if it has ended meanwhile."""
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


@story("An MPI program runs on three hosts without ssh, every byte checked, and its exit code is the job's", nodes=3)
def mpi_program(s):
    require(there(), "Open MPI is installed")
    probe = s.cluster.programs / "everstep-probe-mpi"
    place = [word for name, value in own_place(s).items() for word in ("--env", f"{name}={value}")]
    env = ("--env", "OMPI_MCA_mpi_yield_when_idle=1", "--env", "OMPI_MCA_hwloc_base_binding_policy=none", *place)
    said = s.cluster.run("run", "--mpi", "--nnodes", 3, *env, "--", probe, "allreduce", "--backend", "mpi", "-b", "8", "-e", "64K", "-f", "8")
    require("# Out of bounds values : 0 OK" in said, f"the table of three ranks: {said}")
    if s.lab.isolated:
        for name in ("n1", "n2", "n3"):
            require(f" on {name:>10} " in said or f" {name} " in said, f"{name} has a rank: {said}")
    said = bench(s, "allgather", "n1", "n3", "--backend", "mpi", "-b", "1K", "-e", "1K")
    require("Open MPI" in said and "# Out of bounds values : 0 OK" in said, f"the same test through MPI: {said}")
    ended = s.cluster.done("run", "--mpi", "--nnodes", 2, "--max-restarts", 0, *place, "--", "sh", "-c", "exit 7")
    require(ended.returncode == 7, f"{ended}")


@story("bench --compare: the same through gloo and MPI on the same hosts, figures beside each other or why there are none", nodes=3)
def compared(s):
    require(there(), "Open MPI is installed")
    sizes = ("-b", "1K", "-e", "64K", "-f", "64", "-n", "2", "-w", "1")
    said = bench(s, "allreduce", "n1", "n3", *sizes, "--compare", "gloo,mpi")
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
    job = s.submit(nodes=3, command=["everstep-mpi", "--slots", "2", "--", "sleep", "4711"],
                   env={"EVERSTEP_LAB": s.lab.id, **own_place(s)})  # fmt: skip
    sleeping = lambda: [pid for host in s.hosts.values() for pid in host.pids() if command_of(pid) == b"sleep\x004711\x00"]  # noqa: E731
    wait_until(lambda: len(set(sleeping())) == 6, "two on each of three hosts")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    wait_until(lambda: not sleeping(), "none is left")


@story("A host that is lost under an MPI program: the job starts again on another", nodes=3, needs_cut=True)
def mpi_host_lost(s):
    hold = s.lab.directory / "hold"
    hold.touch()
    job = s.submit(nodes=2, spares=1, command=["everstep-mpi", "--slots", "1", "--", "sh", "-c", f"while [ -e {hold} ]; do sleep 0.2; done"],
                   env={"EVERSTEP_LAB": s.lab.id, **own_place(s)})  # fmt: skip
    job.wait_phase("running")
    wait_until(lambda: [pid for pid in s.hosts["n2"].pids() if name_of(pid) == "orted\n"], "mpirun has reached n2")
    s.hosts["n2"].power_off()
    job.wait_generation(2)
    require(job.host_names() == ["n1", "n3"], f"{job.host_names()}")
    hold.unlink()
    job.wait_phase("done", 60)
