"""Faults on purpose: `everstep drill` breaks something, follows what comes of it and says how long it took."""

import json
import subprocess

from harness import PATIENCE, ended, require, story, wait_until


def drill(s, fault: str, job, *flags: object) -> dict:
    return s.cluster.ask("drill", fault, job.id, *flags)


def require_way(view: dict, *parts: str) -> None:
    """The parts of the way are there, each no earlier than the one before."""
    times = [view[part] for part in parts]
    require(None not in times and times == sorted(times), f"the way is measured: {dict(zip(parts, times))}")


@story("A drill kills a rank: the recovery is measured, and it is no failure of the code", nodes=3)
def rank_kill(s):
    job = s.submit(nodes=3, trainer=["--steps", 80], restart={"no_progress": 1})
    job.wait_registered(10)
    view = drill(s, "rank-kill", job, "--rank", 1)
    require((view["outcome"], view["rank"], view["generation"], view["resumed"]) == ("recovered", 1, 1, 2), f"recovered: {view}")
    require_way(view, "noticed", "decided", "started", "stepped")
    require(view["lost"] is not None and view["checkpoint"], f"what was lost, and from where it goes on: {view}")
    incident = job.view()["incident"]
    require(incident["signal"] == 9 and "a drill of" in incident["means"], f"the incident tells that it was a drill: {incident}")
    job.wait_phase("done")
    job.require_exact()


@story("A drill takes a host: its ranks die, it is silent, the spare takes its place, and the host comes back", nodes=4)
def host_lost(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 60])
    job.wait_registered(10)
    victim = job.host_names()[2]
    view = drill(s, "host-lost", job, "--node", victim, "--for", "12s")
    require(view["outcome"] == "recovered" and view["node"] == victim, f"recovered: {view}")
    require(victim not in view["hosts_after"], f"on another host: {view['hosts_after']}")
    s.wait_node(victim, "ready")
    job.wait_phase("done")
    job.require_exact()


@story("A drill freezes a host: it comes back as a zombie, and its ranks have ended before they can save", nodes=4)
def freeze(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 60])
    job.wait_registered(10)
    victim = job.host_names()[1]
    pids = {s.host_of(start).pid_outside(start["pid"]) for start in job.starts(1) if start["host"] == victim} if s.lab.isolated else set()
    job.thawed.add(victim)
    view = drill(s, "freeze", job, "--node", victim, "--for", "9s")
    require(view["outcome"] == "recovered" and victim not in view["hosts_after"], f"recovered elsewhere: {view}")
    s.wait_node(victim, "ready")
    require(all(ended(pid) for pid in pids), "what was frozen has been killed")
    job.wait_phase("done")
    job.require_exact()


@story("A drill cuts a host off: its keeper fences it, then the spare takes over", nodes=4)
def link_cut(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 200])
    job.wait_registered(10)
    victim = job.host_names()[2]
    view = drill(s, "link-cut", job, "--node", victim, "--for", "10s")
    require(view["outcome"] == "recovered" and victim not in view["hosts_after"], f"recovered elsewhere: {view}")
    job.wait_phase("done")
    job.require_exact()


@story("A drill hangs a rank: that no step comes is noticed, and all start again", nodes=2)
def hang(s):
    job = s.submit(nodes=2, trainer=["--steps", 4000], progress={"hang_after": "5s"})  # one that has no step left to do hangs too
    job.wait_registered(10)
    view = drill(s, "hang", job)
    require(view["outcome"] == "recovered", f"recovered: {view}")
    incident = job.view()["incident"]
    require("hang" in incident["cause"] and "a drill of" in incident["means"], f"named: {incident}")
    job.wait_step(job.starts(2)[0]["resumed"] + 20, generation=2)
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
    job.require_exact()


@story("A drill tears a checkpoint: the half one is passed over, the whole one before it is resumed from", nodes=2)
def torn_checkpoint(s):
    job = s.submit(nodes=2, trainer=["--steps", 100, "--checkpoint-every", 60])  # one save, then it stays before its last step
    job.wait_registered(60)
    view = drill(s, "ckpt-torn", job)
    require(view["outcome"] == "recovered", f"recovered: {view}")
    require("step-61" in view["torn"] and view["checkpoint"] and view["checkpoint"] not in view["torn"], f"from a whole one: {view}")
    job.wait_phase("done")
    job.require_exact()


@story("A drill kills the launcher: the job does not notice", nodes=2)
def launcher_kill(s):
    job = s.submit(nodes=2, trainer=["--steps", 400])  # the drill waits for another step
    job.wait_step(5)
    pids = {start["pid"] for start in job.starts(1)}
    drill = subprocess.Popen(s.cluster.command("drill", "launcher-kill", job.id, "-o", "json"), stdout=subprocess.PIPE, text=True)
    wait_until(lambda: not s.cluster.launcher.running(), "the launcher dies", PATIENCE)
    s.cluster.start_launcher()
    view = json.loads(drill.communicate(timeout=PATIENCE)[0])
    require(drill.returncode == 0 and view["outcome"] == "undisturbed", f"undisturbed: {view}")
    require_way(view, "serving", "hosts_back")
    job.wait_phase("done")
    require({start["pid"] for start in job.starts(1)} == pids and not job.starts(2), "the same processes went on")
    require("the launcher is killed" in s.whys(), "it is on record")


@story("What a drill cannot do is refused, and nothing is broken", nodes=2)
def refused(s):
    job = s.submit(nodes=2, trainer=["--steps", 60])
    job.wait_step(3)
    for words, says in (
        (("rank-kill", job.id, "--rank", 9), "has no rank 9"),
        (("freeze", job.id, "--node", "n7"), "has no rank on n7"),
        (("freeze", job.id, "--for", "1h"), "at most 10min"),
        (("launcher-kill", job.id, "--node", "n1"), "hits no host"),
        (("ckpt-torn", job.id, "--rank", 1), "not on the first host"),
        (("rank-kill", job.id, "--for", "5s"), "does not last"),
        (("hang", job.id), "would not be noticed"),
        (("rank-kil", job.id), "legal: rank-kill"),
        (("rank-kill", "nobody"), "there is no job"),
    ):
        done = s.cluster.done("drill", *words)
        require(done.returncode == 2 and says in done.stderr, f"{words}: exit {done.returncode}: {done.stderr}")
    dry = s.cluster.done("drill", "rank-kill", job.id, "--dry-run")
    require(dry.returncode == 0 and "nothing was changed" in dry.stderr, f"what would be done is said: {dry.stderr}")
    dry = s.cluster.done("drill", "rank-kill", job.id, "--rank", 7, "--dry-run")
    require(dry.returncode == 2, f"and what could not be done is refused: {dry.stderr}")
    require(job.wait_phase("done")["generation"] == 1, "nothing was broken")


@story("A drill too short to break anything is told as undisturbed", nodes=2, fence={"after": "20s"}, detection={"lost_after": "30s"})
def undisturbed(s):
    job = s.submit(nodes=2, trainer=["--steps", 200])
    job.wait_step(3)
    view = drill(s, "link-cut", job, "--for", "1s")
    require(view["outcome"] == "undisturbed" and view["noticed"] is None, f"nothing came of it: {view}")
    require(job.wait_phase("done")["generation"] == 1, "the first generation is done")


@story("A time limit ends a job with its grace, and says so", nodes=2)
def time_limit(s):
    job = s.submit(nodes=2, trainer=["--steps", 4000], time_limit="4s", stop_grace="5s")
    job.wait_step(3)
    pids = {s.host_of(start).pid_outside(start["pid"]) for start in job.starts(1)}
    view = job.wait_phase("failed")
    require(view["exit_code"] == 124 and "time_limit is 4 s" in view["why"], f"why: {view}")
    require(all(ended(pid) for pid in pids), "every rank is gone")
    ledger = view["ledger"]
    require(sum(ledger.values()) > 7000 and ledger["unsaved"] == 0, f"the time of two hosts is accounted for: {ledger}")
