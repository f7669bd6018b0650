"""What happens to ranks: killed, failing, stopped, deaf."""

import pathlib
import signal
import time

from harness import PATIENCE, ended, require, story, wait_until


@story("A killed rank: all start again where they were and go on from the newest checkpoint", nodes=3)
def rank_killed(s):
    job = s.submit(nodes=3, trainer=["--steps", 80])
    before = job.wait_phase("running")
    job.wait_registered(10)
    job.kill_rank(1)
    after = job.wait_generation(2)
    job.wait_phase("done")
    require(job.host_names() == [host["node"] for host in before["hosts"]], "healthy hosts keep their ranks")
    resumed = {start["resumed"] for start in job.starts(2)}
    killed_at = max(line["step"] for line in job.witness("step", generation=1))
    require(len(resumed) == 1 and resumed <= set(range(10, killed_at + 1, 10)), f"all ranks resume from one registered checkpoint: {resumed}")
    require(after["restarts"] == 1, f"one restart is counted: {after['restarts']}")
    require("SIGKILL" in job.whys() and "rank 1" in job.whys(), f"the culprit and its signal are named: {job.whys()}")
    job.require_exact()


@story("The killed rank of three is named with its host, though those that died of it are heard of first", nodes=3,
       fence={"after": "50s"}, detection={"lost_after": "60s"})  # fmt: skip
def culprit_is_named(s):
    job = s.submit(nodes=3, trainer=["--steps", 60])
    culprit = job.wait_phase("running")["hosts"][1]["node"]
    job.wait_registered(10)
    agent = s.cluster.agents[culprit]
    agent.signal(signal.SIGSTOP)  # what happens there is told late
    job.kill_rank(1)
    wait_until(lambda: "tells of a failure elsewhere" in job.whys(), "the victims are heard of first", PATIENCE, every=0.05)
    agent.signal(signal.SIGCONT)
    incident = job.wait_generation(2)["incident"]
    require((incident["rank"], incident["node"], incident["signal"], incident["code"]) == (1, culprit, 9, None), f"named: {incident}")
    require(incident["cause"] == f"rank 1 on {culprit} was killed by SIGKILL", f"in one line: {incident['cause']}")
    restart = next(event["why"] for event in job.events() if event["kind"] == "generation_planned" and "restart 1" in event["why"])
    require(restart.startswith(incident["cause"] + "; ") and incident["logs"] in restart, f"the restart says the same: {restart}")
    require("generation 1 broke: " + incident["cause"] in "\n".join(s.cluster.ask("explain", job.id)["sentences"]), "explain too")
    s.cluster.run(*incident["logs"].split()[1:])
    job.wait_phase("done")
    job.require_exact()


@story("A rank that dies before any checkpoint: the job starts from its first step", nodes=2)
def killed_before_any_checkpoint(s):
    job = s.submit(nodes=2, trainer=["--steps", 12, "--checkpoint-every", 100])
    job.wait_step(2)
    job.kill_rank(0)
    job.wait_phase("done")
    require({start["resumed"] for start in job.starts(2)} == {0}, "nothing to resume from")
    job.require_exact()


@story("Two ranks on each host get torchrun's places", nodes=2)
def two_ranks_a_host(s):
    job = s.submit(nodes=2, per_node=2, trainer=["--steps", 10])
    job.wait_phase("done")
    places = [(start["rank"], start["environment"]["LOCAL_RANK"], start["environment"]["GROUP_RANK"]) for start in job.starts(1)]
    require(places == [(0, "0", "0"), (1, "1", "0"), (2, "0", "1"), (3, "1", "1")], f"ranks are contiguous: {places}")


@story("A script that fails at the same step again and again ends its job, with its own last words", nodes=2)
def failing_script(s):
    job = s.submit(nodes=2, trainer=["--steps", 20, "--checkpoint-every", 100, "--fail-at", 3, "--fail-rank", 1, "--fail-code", 7])
    ended_view = job.wait_phase("failed")
    require(ended_view["exit_code"] == 7, f"the culprit's exit code: {ended_view['exit_code']}")
    require("rank 1" in ended_view["why"], f"the culprit is named first: {ended_view['why']}")
    explanation = "\n".join(s.cluster.ask("explain", job.id)["sentences"])
    require("step 3 is where rank 1 fails" in explanation + job.whys(), f"stderr is shown: {explanation}")


@story("An exit code that forbids a restart ends the job at once", nodes=2)
def forbidden_restart(s):
    job = s.submit(nodes=2, trainer=["--steps", 20, "--fail-at", 5, "--fail-code", 93],
                   restart={"exit_codes": {"no_restart": [93]}})  # fmt: skip
    require(job.wait_phase("failed")["generation"] == 1, "no second generation")


@story("The budget of restarts is used up: the job ends and says so", nodes=2)
def budget_used_up(s):
    job = s.submit(nodes=2, trainer=["--steps", 400], restart={"budget": "1 per 1h"})
    job.wait_registered(10)
    job.kill_rank(1)
    job.wait_step(20, generation=2)
    job.kill_rank(0)
    view = job.wait_phase("failed")
    require("budget" in view["why"] or "1 of 1" in view["why"], f"it says that the budget is used up: {view['why']}")
    require(not job.starts(3), "no third generation")


@story("Cancel: ranks get SIGTERM and their time, then nothing of the job is left", nodes=2)
def cancel(s):
    job = s.submit(nodes=2, trainer=["--steps", 4000], stop_grace="20s")
    job.wait_step(3)
    pids = {s.host_of(start).pid_outside(start["pid"]) for start in job.starts(1)}
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    require(all(ended(pid) for pid in pids), "every rank is gone")
    require(s.node("n1")["job"] is None, "its hosts are free again")


@story("Ranks that ignore SIGTERM, and children that they disowned, are killed after stop_grace and seen to be gone", nodes=2)
def deaf_ranks(s):
    job = s.submit(nodes=2, trainer=["--steps", 4000, "--deaf"], stop_grace="1s")
    job.wait_step(3)
    pids = {s.host_of(line).pid_outside(line[key]) for key, event in (("pid", "start"), ("daemon", "daemon"))
            for line in job.witness(event)}  # fmt: skip
    require(len(pids) == 4, f"two ranks and two disowned children: {pids}")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    require(all(ended(pid) for pid in pids), "every process is gone before the job is called cancelled")


@story("Jobs wait their turn: the higher priority first, and the queue says why", nodes=2)
def queue(s):
    first = s.submit("first", nodes=2, trainer=["--steps", 3])
    first.wait_step(2)
    low = s.submit("low", nodes=2, priority=10, trainer=["--steps", 3])
    high = s.submit("high", nodes=1, priority=90, trainer=["--steps", 3])
    wait_until(lambda: high.view()["queue_position"] == 1 and low.view()["queue_position"] == 2, "the queue is in order", PATIENCE)
    require(f"waits behind {high.id}" in low.view()["why"], f"it says whom it waits for: {low.view()['why']}")
    for job in (first, high, low):
        job.wait_phase("done")
    require(high.starts(1)[0]["at"] < low.starts(1)[0]["at"], "the higher priority ran first")


@story("SIGTERM to a rank from outside is a failure of that rank, not of the job", nodes=2)
def terminated_rank(s):
    job = s.submit(nodes=2, trainer=["--steps", 80])
    job.wait_registered(10)
    job.kill_rank(1, signal.SIGTERM)
    job.wait_phase("done")
    require(job.view()["generation"] == 2, "one restart")
    job.require_exact()


def waits(pid: int) -> bool:
    """Whether it was started to wait for a generation (agent/core/standby.py)."""
    try:
        return b"_become(_wait())" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@story("Ranks that wait with their imports done take the place of those that fail, and go with their job", nodes=3)
def warm_restart(s):
    job = s.submit(nodes=2, trainer=["--steps", 400], restart={"warm": ["decimal"]})
    job.wait_registered(10)
    hosts = [s.hosts[name] for name in job.host_names()]

    def waiting() -> set[int]:
        return {pid for host in hosts for pid in host.pids() if waits(pid)}

    wait_until(lambda: len(waiting()) == 2, "a rank waits on each host", PATIENCE, every=0.1)
    waited = waiting()
    job.kill_rank(1)
    job.wait_generation(2)
    starts = wait_until(lambda: len(found := job.starts(2)) == 2 and found, "both ranks run again", PATIENCE)
    pids = {s.host_of(start).pid_outside(start["pid"]) for start in starts}
    require(pids == waited, f"those that waited became the ranks: {pids} and {waited}")
    require({start["resumed"] for start in starts} != {0}, "they resume")
    wait_until(lambda: len(waiting() - waited) == 2, "others wait for the next one", PATIENCE, every=0.1)
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    wait_until(lambda: not waiting(), "nobody waits for a job that has ended", PATIENCE)


@story("What the kernel said when a signal killed a rank is the cause, and a host whose GPU fell off the bus is left", nodes=3)
def kernel_line_is_the_cause(s):
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_registered(10)
    before = job.host_names()
    line = "NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus."
    with open(s.hosts[before[1]].directory / "kmsg", "a") as kernel:
        kernel.write(f"3,1234,{time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000},-;{line}\n")
    job.kill_rank(1)
    incident = job.wait_generation(2)["incident"]
    require(incident["cause"] == f"rank 1 on {before[1]} was killed by SIGKILL: kernel: {line}", f"it is quoted: {incident['cause']}")
    require(incident["blame"] == "gpu", f"the class is that of the rule: {incident['blame']}")
    require(before[1] not in job.host_names(), f"another host takes the rank: {job.host_names()}")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("A workdir or a program that one host lacks: that host is named and left, and without another one the job says what it waits for", nodes=3, needs_cut=True)
def missing_on_one_host(s):
    place = s.lab.directory / "work"
    (place / "dir").mkdir(parents=True)
    program = place / "dir" / "train"
    program.write_text("#!/bin/sh\nexec sleep 0.2\n")
    program.chmod(0o755)
    s.hosts["n1"].run("mount", "-t", "tmpfs", "none", place)
    for keys, what in (({"workdir": str(place / "dir")}, "workdir"), ({}, "program")):
        command = ["sleep", "0.2"] if keys else [program]
        two = s.submit(f"two-{what}", nodes=2, command=command, **keys)
        two.wait_phase("done")
        require("n1 refused" in two.whys() and f"{place}/dir" in two.whys(), f"host and path are named: {two.whys()}")
        require(two.host_names() == ["n2", "n3"] or two.host_names() == ["n3", "n2"], f"others do: {two.host_names()}")
        three = s.submit(f"three-{what}", nodes=3, command=command, **keys)
        says = "waits for a host in place of n1, which failed this job before"
        wait_until(lambda: says in three.view()["why"], "it says what it waits for", PATIENCE)
        require(f"n1 refused: " in three.view()["why"] and f"{place}/dir" in three.view()["why"], f"and why: {three.view()['why']}")
        require(three.view()["generation"] == 1, "nothing is tried again meanwhile")
        s.cluster.run("cancel", three.id)
        three.wait_phase("cancelled")
