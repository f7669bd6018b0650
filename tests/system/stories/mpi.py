"""MPI programs: mpirun's remote start goes through agents and keepers, not ssh."""

import json
import pathlib
import shutil
import signal
import subprocess

from harness import PATIENCE, ROOT, require, story, wait_until


def there() -> bool:
    return shutil.which("mpirun") is not None


def own_place(s) -> dict[str, str]:
    """Where Open MPI keeps its session's files: in the lab, or what is left of a killed one lies in /tmp and /dev/shm for ever."""
    return {name: str(s.lab.directory) for name in ("OMPI_MCA_orte_tmpdir_base", "OMPI_MCA_btl_vader_backing_directory")}


def places(s) -> list[str]:
    return [word for name, value in own_place(s).items() for word in ("--env", f"{name}={value}")]


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
    env = ("--env", "OMPI_MCA_mpi_yield_when_idle=1", "--env", "OMPI_MCA_hwloc_base_binding_policy=none", *places(s))
    said = s.cluster.run("run", "--mpi", "--nnodes", 3, *env, "--", probe, "allreduce", "--backend", "mpi", "-b", "8", "-e", "64K", "-f", "8")
    require("# Out of bounds values : 0 OK" in said, f"the table of three ranks: {said}")
    if s.lab.isolated:
        for name in ("n1", "n2", "n3"):
            require(f" on {name:>10} " in said or f" {name} " in said, f"{name} has a rank: {said}")
    said = bench(s, "allgather", "n1", "n3", "--backend", "mpi", "-b", "1K", "-e", "1K")
    require("Open MPI" in said and "# Out of bounds values : 0 OK" in said, f"the same test through MPI: {said}")
    ended = s.cluster.done("run", "--mpi", "--nnodes", 2, "--max-restarts", 0, *places(s), "--", "sh", "-c", "exit 7")
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


def logs(s, job, rank: int) -> str:
    return s.cluster.run("logs", job.id, "--rank", rank, "--no-prefix")


@story("Each rank of an MPI program has its own log: what it prints without a newline, a hundred thousand lines of each of six", nodes=3)
def mpi_logs(s):
    script = "seq $((RANK * 1000000)) $((RANK * 1000000 + 99999)); echo place $OMPI_COMM_WORLD_RANK $RANK $LOCAL_RANK $WORLD_SIZE >&2; printf 'end of %s' $RANK"
    job = s.submit(nodes=3, per_node=2, command=["everstep-mpi", "--", "sh", "-c", script], env={"EVERSTEP_LAB": s.lab.id, **own_place(s)})
    job.wait_phase("done")
    for rank in range(6):
        said = logs(s, job, rank).splitlines()
        where = [line for line in said if line.startswith("place ")]
        require(where == [f"place {rank} {rank} {rank % 2} 6"], f"rank {rank} says where it is: {where}")
        said.remove(where[0])
        require(said == [*(str(rank * 1_000_000 + line) for line in range(100_000)), f"end of {rank}"], f"rank {rank}: {len(said)} lines, {said[:2]} {said[-2:]}")


@story("A rank of an MPI program that fails is named with its host, code or signal, and last words: exit, crash, MPI_Abort", nodes=3)
def mpi_rank_fails(s):
    program = s.lab.directory / "mpi_rank"
    subprocess.run(["mpicc", "-o", program, ROOT / "tests" / "system" / "mpi_rank.c"], check=True)
    env = {"EVERSTEP_LAB": s.lab.id, **own_place(s), "OMPI_MCA_mpi_yield_when_idle": "1", "OMPI_MCA_hwloc_base_binding_policy": "none"}
    for rank, how, code, number in ((1, "exit", 3, None), (0, "exit", 4, None), (2, "segv", 139, 11), (3, "abort", 7, None), (0, "abort", 9, None)):
        job = s.submit(nodes=3, per_node=2, command=["everstep-mpi", "--", program, rank, how, code], env=env, restart={"budget": "0 per 6h"})
        view = job.wait_phase("failed")
        incident = view["incident"]
        node = view["hosts"][rank // 2]["node"]
        require(view["exit_code"] == code, f"the job's code is the cause's: {view['exit_code']}, {view['why']}")
        require((incident["rank"], incident["node"], incident["signal"]) == (rank, node, number), f"named: {incident}")
        words = "was killed by SIGSEGV" if number else f"exited with code {code}"
        require(incident["cause"].startswith(f"rank {rank} on {node} {words}"), f"in one line: {incident['cause']}")
        require(f"rank {rank} says: {how}" in logs(s, job, rank), f"in its own log: {logs(s, job, rank)}")
        require("says" not in logs(s, job, (rank + 1) % 6), "and in no other's")


@story("MPI ranks that are cancelled have their job's grace, though mpirun's is a second", nodes=3)
def mpi_grace(s):
    script = "trap told=1 TERM; echo ready; while [ -z $told ]; do sleep 0.1; done; sleep $RANK; echo saved"
    job = s.submit(nodes=3, per_node=2, command=["everstep-mpi", "--", "sh", "-c", script], stop_grace="40s",
                   env={"EVERSTEP_LAB": s.lab.id, **own_place(s)})  # fmt: skip
    job.wait_phase("running")
    for rank in range(6):
        wait_until(lambda rank=rank: "ready" in logs(s, job, rank), f"rank {rank} is ready", PATIENCE)
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    for rank in range(6):
        said = [line for line in logs(s, job, rank).split() if line != "Terminated"]  # the shell's word about its sleep
        require(said == ["ready", "saved"], f"rank {rank}: {said}")


@story("Drills of one MPI rank are that rank's: killed it is named, hanging it is noticed, and all start again from the newest checkpoint", nodes=2)
def mpi_drills(s):
    job = s.submit(nodes=2, per_node=2, launch=["everstep-mpi", "--"], trainer=["--steps", 4000], progress={"hang_after": "5s"},
                   env={"EVERSTEP_LAB": s.lab.id, **own_place(s)})  # fmt: skip
    job.wait_registered(10)
    for generation, rank in enumerate((3, 0, 2), 2):  # 0: beside mpirun; 2: beside its daemon on the other host
        killed = s.cluster.ask("drill", "rank-kill", job.id, "--rank", rank)
        require((killed["outcome"], killed["rank"], killed["resumed"]) == ("recovered", rank, generation), f"recovered: {killed}")
        incident = job.view()["incident"]
        require((incident["rank"], incident["signal"]) == (rank, 9), f"named: {incident}")
        job.wait_step(job.starts(generation)[0]["resumed"] + 20, generation=generation)
    hangs = s.cluster.ask("drill", "hang", job.id, "--rank", 1)
    require(hangs["outcome"] == "recovered", f"recovered: {hangs}")
    require("hang" in job.view()["incident"]["cause"], f"{job.view()['incident']}")
    job.wait_step(job.starts(5)[0]["resumed"] + 20, generation=5)
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    job.require_exact()


@story("Ctrl-C of run --mpi cancels the program on every host", nodes=3)
def mpi_interrupted(s):
    log = s.lab.directory / "run.log"
    run = s.cluster.control.start(s.cluster.programs / "everstep", "--launcher", s.cluster.address, *s.cluster.plain_text, "run", "--mpi", "--nnodes", 3,
                                  "--env", f"EVERSTEP_LAB={s.lab.id}", *places(s), "--", "sh", "-c", "echo ready; exec sleep 4713", log=log)  # fmt: skip
    sleeping = lambda: [pid for host in s.hosts.values() for pid in host.pids() if command_of(pid) == b"sleep\x004713\x00"]  # noqa: E731
    wait_until(lambda: len(set(sleeping())) == 3 and "ready" in log.read_text(), "one on each of three hosts", PATIENCE)
    run.signal(signal.SIGINT)
    require(run.wait(PATIENCE) != 0, "run says that it was cancelled")
    wait_until(lambda: not sleeping(), "none is left")


@story("A cancelled MPI program leaves nothing behind on any host", nodes=3)
def mpi_cancelled(s):
    job = s.submit(nodes=3, per_node=2, command=["everstep-mpi", "--", "sleep", "4711"],
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
    job = s.submit(nodes=2, spares=1, command=["everstep-mpi", "--", "sh", "-c", f"while [ -e {hold} ]; do sleep 0.2; done"],
                   env={"EVERSTEP_LAB": s.lab.id, **own_place(s)})  # fmt: skip
    job.wait_phase("running")
    wait_until(lambda: [pid for pid in s.hosts["n2"].pids() if name_of(pid) == "orted\n"], "mpirun has reached n2")
    s.hosts["n2"].power_off()
    job.wait_generation(2)
    require(job.host_names() == ["n1", "n3"], f"{job.host_names()}")
    hold.unlink()
    job.wait_phase("done", 60)


@story("everstep-probe by hand under mpirun over two hosts needs no MASTER_ADDR, whatever its back end: MPI tells where rank 0 is", nodes=2, needs_cut=True)
def by_hand_over_hosts(s):
    require(there(), "Open MPI is installed")
    first, second = s.hosts["n1"], s.hosts["n2"]
    # Its remote shell enters the other host's namespaces, all but the one of process ids, which mpirun must share with it.
    shell = s.lab.directory / "shell"
    shell.write_text(f'#!/bin/sh\nshift\nexec nsenter -t {second.first_pid} --net --uts -- /bin/sh -c "$*"\n')
    shell.chmod(0o755)
    options = {"plm_rsh_agent": shell, "btl": "tcp,self", "btl_tcp_if_include": "eth0", "oob_tcp_if_include": "eth0",
               "hwloc_base_binding_policy": "none", "mpi_yield_when_idle": 1, "orte_keep_fqdn_hostnames": 1}  # fmt: skip
    mca = [str(word) for name, value in options.items() for word in ("--mca", name, value)]
    done = subprocess.run(
        ["nsenter", "-t", str(first.first_pid), "--net", "--uts", "--", "mpirun", "--allow-run-as-root", *mca, "-host", f"{first.address},{second.address}",
         "-x", "EVERSTEP_LAB", str(s.cluster.programs / "everstep-probe"), "allreduce", "--provider", "tcp", "-b", "4K", "-e", "64K", "-f", "16"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**first.environment(), **own_place(s)}, timeout=PATIENCE,
    )  # fmt: skip
    require(done.returncode == 0 and "# Out of bounds values : 0 OK" in done.stdout and "libfabric" in done.stdout, f"{done}")
    for name in ("n1", "n2"):
        require(f" on {name:>10} " in done.stdout or f" {name} " in done.stdout, f"{name} has a rank: {done.stdout}")
