"""What happens to hosts: killed, cut off, frozen, back again."""

from harness import PATIENCE, CliError, require, story, wait_until


def spare_took_over(job, before: list[str], lost: str) -> None:
    """The lost host's rank went to a host that had none; the others kept theirs."""
    after = job.host_names()
    require(lost not in after, f"{lost} is not used again: {after}")
    kept = [(old, new) for old, new in zip(before, after, strict=True) if old != lost]
    require(all(old == new for old, new in kept), f"healthy hosts keep their ranks: {before} → {after}")
    require(lost in job.whys(), f"the lost host is named: {job.whys()}")


def resumed_together(job, generation: int, at_least: int) -> None:
    resumed = {start["resumed"] for start in job.starts(generation)}
    require(len(resumed) == 1 and min(resumed) >= at_least, f"all ranks resume from one checkpoint ≥ {at_least}: {resumed}")


@story("A host loses power: the spare takes its rank and the job ends done", nodes=4)
def host_killed(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 40])
    job.wait_registered(10)
    before = job.host_names()
    s.hosts[before[1]].power_off()
    job.wait_generation(2)
    s.wait_node(before[1], "lost")
    job.wait_phase("done")
    spare_took_over(job, before, before[1])
    resumed_together(job, 2, at_least=10)
    job.require_exact()


@story("The host of rank 0 loses power: the spare becomes rank 0 under a new address", nodes=3)
def first_host_killed(s):
    job = s.submit(nodes=2, spares=1, trainer=["--steps", 40])
    job.wait_registered(10)
    before = job.host_names()
    s.hosts[before[0]].power_off()
    job.wait_phase("done")
    spare_took_over(job, before, before[0])
    masters = {start["environment"]["MASTER_ADDR"] for start in job.starts(2)}
    require(len(masters) == 1, f"all agree on rank 0's address: {masters}")
    job.require_exact()


@story("A link is cut without a word: the host is found lost, the spare takes its rank", nodes=4, needs_cut=True)
def link_cut(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 60])
    job.wait_registered(10)
    before = job.host_names()
    s.hosts[before[2]].cut()
    job.wait_generation(2)
    job.wait_phase("done")
    spare_took_over(job, before, before[2])
    resumed_together(job, 2, at_least=10)
    job.require_exact()


@story("A cut-off rank that would train on alone is killed by its keeper before another takes its place", nodes=4, needs_cut=True)
def fenced(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 200, "--alone"])
    job.wait_registered(10)
    before = job.host_names()
    s.hosts[before[0]].cut()
    job.wait_step(30, generation=2)
    # What it wrote is on a disk that all share: the harness sees the cut-off side too.
    job.require_one_world()
    spare_took_over(job, before, before[0])
    cut_off = [line for line in job.witness("step", generation=1) if line["host"] == before[0]]
    require(cut_off, "the cut-off rank had trained")
    wait_until(lambda: not [pid for pid in s.hosts[before[0]].pids() if trains(pid)], "its ranks are dead", PATIENCE)
    job.wait_phase("done")


def trains(pid: int) -> bool:
    try:
        return b"trainer.py" in open(f"/proc/{pid}/cmdline", "rb").read()
    except OSError:
        return False


@story("A cut link heals after the job has moved on: the host comes back empty and free", nodes=4, needs_cut=True)
def link_healed(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 400])
    job.wait_registered(10)
    before = job.host_names()
    lost = before[1]
    s.hosts[lost].cut()
    job.wait_step(15, generation=2)
    s.hosts[lost].heal()
    s.wait_node(lost, "ready")
    require(not [pid for pid in s.hosts[lost].pids() if trains(pid)], "no rank of the old generation lives")
    require(job.view()["generation"] == 2, "its return restarts nothing")
    spare_took_over(job, before, lost)
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("A link is cut for less than the silence that counts: nothing happens", nodes=3, needs_cut=True, profile="default",
       fence={"after": "20s"}, detection={"lost_after": "30s"})  # fmt: skip
def short_cut(s):
    job = s.submit(nodes=2, spares=1, trainer=["--steps", 200])
    job.wait_step(5)
    victim = job.host_names()[1]
    s.hosts[victim].cut()
    s.wait_node(victim, "suspect")
    s.hosts[victim].heal()
    s.wait_node(victim, "ready")
    job.wait_phase("done")
    require(job.view()["generation"] == 1, "no restart")


@story("A frozen host is replaced; when it thaws its ranks are killed and the host comes back free", nodes=4)
def frozen_and_thawed(s):
    job = s.submit(nodes=3, spares=1, trainer=["--steps", 400, "--alone"])
    job.wait_registered(10)
    before = job.host_names()
    frozen = s.hosts[before[1]]
    frozen.freeze()
    job.wait_step(15, generation=2)
    job.thawed.add(frozen.name)
    frozen.thaw()
    wait_until(lambda: not [pid for pid in frozen.pids() if trains(pid)], "its ranks are killed after the thaw", PATIENCE)
    s.wait_node(before[1], "ready")
    spare_took_over(job, before, before[1])
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("The whole gang's rack is cut off in a larger cluster: the gang moves to the other side", nodes=7, needs_cut=True)
def rack_cut_off(s):
    job = s.submit(nodes=3, trainer=["--steps", 60])
    job.wait_registered(10)
    before = job.host_names()
    for name in before:
        s.hosts[name].cut()
    job.wait_generation(2)
    job.wait_phase("done")
    require(not set(before) & set(job.host_names()), f"none of {before} is used: {job.host_names()}")
    job.require_exact()


@story("More than half of the hosts fall silent: nobody is evicted until a person confirms", nodes=3, needs_cut=True)
def majority_silent(s):
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_registered(10)
    before = job.host_names()
    for name in before:
        s.hosts[name].cut()
    for name in before:
        s.wait_node(name, "suspect")
    require(job.view()["generation"] == 1, "the launcher cannot tell who is cut off, and does nothing")
    for name in before:
        s.hosts[name].heal()
        s.wait_node(name, "ready")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("Half of the hosts are silent: a person confirms that one is dead, and the job moves", nodes=4)
def confirmed_dead(s):
    job = s.submit(nodes=2, trainer=["--steps", 60])
    job.wait_registered(10)
    before = job.host_names()
    for name in before:
        s.hosts[name].power_off()
    for name in before:
        wait_until(lambda name=name: "--confirm-dead" in s.node(name)["why"], f"nobody evicts {name}, and the way out is named", PATIENCE)
    require(job.view()["generation"] == 1, "silence alone moves nothing")
    alive = next(name for name in s.hosts if name not in before)
    try:
        s.cluster.run("node", alive, "--confirm-dead", "--yes")
    except CliError as refused:
        require("is alive" in str(refused), f"a host that beats is not dead: {refused}")
    else:
        require(False, f"{alive} was taken for dead")
    s.cluster.run("node", before[0], "--confirm-dead", "--yes")
    job.wait_phase("done")
    require(not set(before) & set(job.host_names()), f"none of {before} is used: {job.host_names()}")
    require(f"{before[0]} is dead: confirmed by " in s.whys(), "who said so is on record")
    job.require_exact()


@story("The fence hook says that a lost host is off: its long fence time is not waited out", nodes=3, profile="default",
       fence={"after": "1h", "command": ["true"]})  # fmt: skip
def fence_hook(s):
    job = s.submit(nodes=2, spares=1, trainer=["--steps", 40])
    job.wait_registered(10)
    before = job.host_names()
    s.hosts[before[1]].power_off()
    job.wait_phase("done")
    spare_took_over(job, before, before[1])
    require(f"fence hook for {before[1]} says that it is off" in s.whys(), f"the hook's word is on record: {s.whys()}")
    job.require_exact()


@story("No spare: the job waits for a host, says so, and goes on when the host returns", nodes=3)
def waits_for_the_host(s):
    job = s.submit(nodes=3, trainer=["--steps", 40])
    job.wait_registered(10)
    before = job.host_names()
    lost = before[1]
    s.hosts[lost].power_off()
    s.wait_node(lost, "lost", "away")
    wait_until(lambda: "wait" in job.view()["why"] or "needs" in job.view()["why"], f"{job.id} says that it waits", PATIENCE)
    s.cluster.power_on(lost)
    job.wait_phase("done")
    resumed_together(job, 2, at_least=10)
    job.require_exact()


@story("A host restarts faster than its silence is noticed: its new boot says that the ranks are gone", nodes=3)
def quick_reboot(s):
    job = s.submit(nodes=3, trainer=["--steps", 40])
    job.wait_registered(10)
    victim = job.host_names()[2]
    s.hosts[victim].power_off()
    s.cluster.power_on(victim)
    job.wait_phase("done")
    require(job.view()["generation"] == 2, "one restart")
    job.require_exact()


@story("The last words of a host that lost its power are shown, said to be what the launcher has kept, and tell why it went", nodes=3)
def last_words(s):
    ecc = "RuntimeError: CUDA error: uncorrectable ECC error encountered"
    job = s.submit(nodes=2, trainer=["--steps", 4000, "--checkpoint-every", 4000, "--complain", ecc])
    job.wait_step(100)  # five seconds: the launcher has read what there was twice
    lost = job.host_names()[0]
    s.hosts[lost].power_off()
    s.wait_node(lost, "lost")
    (s.hosts[lost].directory / "agent" / "logs").rename(s.hosts[lost].directory / "gone")  # its disk goes along
    told = s.cluster.done("logs", job.id, "--rank", 0, "--generation", 1)
    require('"step": 1,' in told.stdout, f"they are shown: {told.stdout[-300:]}")
    require(f"{lost}: no answer" in told.stderr and "what the launcher has of its last output" in told.stderr, f"and said so: {told.stderr}")
    last = s.cluster.done("logs", job.id, "--rank", 0, "--generation", 1, "--tail", 1).stdout
    require(len(last.splitlines()) == 2 and '"step"' in last and ecc in last, f"the last line of each stream alone: {last}")
    since = s.cluster.done("logs", job.id, "--rank", 0, "--generation", 1, "--since", "1s")
    require('"step": 1,' in since.stdout and "whenever it was written" in since.stderr, f"what has no times is shown whole: {since.stderr}")
    incident = wait_until(lambda: s.cluster.ask("incidents", job.id), "the incident is told", PATIENCE)[0]
    require(incident["blame"] == "gpu" and incident["node"] == lost and incident["rank"] == 0, f"what it said is the clue: {incident}")
    require(incident["cause"].startswith(f"{lost} is lost: ") and incident["cause"].endswith(f"rank 0 there wrote last: {ecc}"), incident["cause"])
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("A drained host gets no new work and breaks none; drained with --now, its job moves at no cost", nodes=3)
def drained(s):
    job = s.submit(nodes=2, trainer=["--steps", 4000])
    job.wait_registered(10)
    before = job.host_names()
    busy, free = before[1], next(name for name in s.hosts if name not in before)
    s.cluster.run("drain", f"{free},{busy}", "--reason", "a fan")
    s.wait_node(free, "drained")  # nothing ran there
    s.wait_node(busy, "draining")
    other = s.submit("other", nodes=1, trainer=["--steps", 5])
    wait_until(lambda: "drained" in other.view()["why"], "the next job waits, and says for what", PATIENCE)
    require(job.view()["generation"] == 1, "a drain breaks no job")
    try:
        s.cluster.run("drain", "n9", "--reason", "x")
        raise AssertionError("a host that nobody knows cannot be drained")
    except CliError as error:
        require(error.code == 2 and "n9" in str(error), f"it is named: {error}")
    s.cluster.run("cancel", other.id)
    s.cluster.run("undrain", free)
    s.cluster.run("drain", busy, "--reason", "a fan", "--now")
    after = job.wait_generation(2)
    require(after["restarts"] == 0, f"it costs no restart: {after['restarts']}")
    s.wait_node(busy, "drained")
    job.wait_step(15, generation=2)
    require(job.host_names() == [before[0], free], f"it goes on elsewhere: {job.host_names()}")
    resumed_together(job, 2, at_least=10)
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")
