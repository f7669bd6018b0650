"""What may be resumed from: whole checkpoints of this job, and nothing else."""

import json

from harness import PATIENCE, PYTHON, ROOT, require, story, wait_until


@story("A rank dies in the middle of a save in place: the torn file is not offered, the one before is", nodes=2)
def torn_save(s):
    job = s.submit(nodes=2, trainer=["--steps", 30, "--in-place", "--save-seconds", 5])
    job.wait_registered(10)
    wait_until(lambda: (job.checkpoints / "step-20.pt").exists(), "the save of step 20 has begun", PATIENCE)
    require(not job.witness("saved", step=20), "it is not over")
    job.kill_rank(0)
    job.wait_generation(2)
    job.wait_phase("done")
    require({start["resumed"] for start in job.starts(2)} == {10}, f"resumed from the last whole one: {job.starts(2)}")
    job.require_exact()


@story("Saves of two generations overlap: a frozen writer thaws and writes on, and nothing mixed is ever offered", nodes=3)
def overlapping_saves(s):
    job = s.submit(nodes=2, spares=1, trainer=["--steps", 40, "--in-place", "--save-seconds", 4])
    job.wait_registered(10)
    first = job.host_names()[0]
    wait_until(lambda: (job.checkpoints / "step-20.pt").exists(), "the save of step 20 has begun", PATIENCE)
    s.hosts[first].freeze()  # rank 0 stops within the file
    require(not job.witness("saved", step=20), "the save of step 20 is not over")
    job.thawed.add(s.hosts[first].name)
    wait_until(lambda: job.witness("saved", step=20, generation=2) or job.witness("step", step=20, generation=2),
               "the next generation saves the same step", PATIENCE)  # fmt: skip
    s.hosts[first].thaw()  # the old writer has the file open
    job.wait_registered(20)
    job.kill_rank(1)
    job.wait_phase("done")  # the trainer refuses a mixed file by itself, and would fail
    require({start["resumed"] for start in job.starts(2)} == {10}, "the torn save is not offered")
    require(min(start["resumed"] for start in job.starts(3)) >= 20, "the whole one is")


@story("A registered checkpoint that is damaged later is not offered: an older one is", nodes=2)
def damaged_later(s):
    job = s.submit(nodes=2, trainer=["--steps", 400, "--checkpoint-every", 10])
    checkpoint = job.wait_registered(20)
    for path in {checkpoint["path"], str(job.checkpoints / f"step-{checkpoint['step']}.pt")}:
        with open(path, "r+b") as file:
            file.truncate(1000)
    job.kill_rank(1)
    # The damage is found before the start, or by the hosts when they prepare: then the next generation has the older one.
    job.wait_generation(2)
    wait_until(lambda: len(job.starts(job.view()["generation"])) == 2, "it runs again", PATIENCE)
    resumed = {start["resumed"] for start in job.starts(job.view()["generation"])}
    require(resumed and checkpoint["step"] not in resumed, f"the damaged one is passed over: {resumed}")
    require(str(checkpoint["step"]) in job.whys(), "the damaged one is named")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("A checkpoint directory that is not shared ends the job before it starts; one whose mount is gone later has its host named and left", nodes=3, needs_cut=True)
def not_shared(s):
    place, shared = s.lab.directory / "private", s.lab.directory / "shared"
    place.mkdir()
    shared.mkdir()
    for host in s.hosts.values():
        host.run("mount", "-t", "tmpfs", "none", place)  # each has one of its own
    private = s.submit("private", nodes=2, trainer=["--steps", 400], checkpoint={"dir": str(place)})
    why = private.wait_phase("failed")["why"]
    require(f"checkpoint dir {place} is not shared: n1 and n2 each see a directory of their own" in why, why)
    require(not private.witness("start"), "nothing has run that could be lost")
    job = s.submit(nodes=2, trainer=["--steps", 400], checkpoint={"dir": str(shared)})
    job.wait_registered(10)
    other = job.host_names()[1]
    s.hosts[other].run("mount", "-t", "tmpfs", "none", shared)
    job.kill_rank(1)
    wait_until(lambda: f"{other} refused" in job.whys(), "the host refuses", PATIENCE)
    said = f"is not here; is {shared} the same directory on all hosts?"
    require(f"{shared}/.everstep/pins" in job.whys() and said in job.whys(), f"it says what it does not see: {job.whys()}")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


ZOMBIE = """
import os, sys
top, wrote, reached = sys.argv[1], 0, 0
while True:
    for directory, _, names in os.walk(top):
        pins = ".everstep" in directory
        for name in names:
            try:
                with open(os.path.join(directory, name), "r+b") as file:
                    file.write(b"garbage")
                    file.truncate(7)
                wrote, reached = wrote + 1, reached + pins
            except OSError:
                pass
    for step in range(10, 70, 10):
        with open(f"{top}/step-{step}.pt", "wb") as file:
            file.write(b"garbage")
    print(f"wrote {wrote}, reached {reached} pinned ones", flush=True)
"""


@story("isolate: mount: whoever lives on of an old generation writes on, and reaches nothing that the next one sees", nodes=2, needs_cut=True)
def zombie_writer(s):
    job = s.submit(nodes=2, trainer=["--steps", 300, "--in-place"], isolate="mount")
    job.wait_registered(10)
    start = job.starts(1)[0]
    host, log = s.host_of(start), s.lab.directory / "zombie.log"
    # It sees what the ranks of generation 1 see, and no keeper knows of it: nobody will end it.
    zombie = host.start("nsenter", f"--mount=/proc/{start['pid']}/ns/mnt", PYTHON, "-uc", ZOMBIE, job.checkpoints, log=log)
    wait_until(lambda: log.exists() and "wrote" in log.read_text(), "it writes", PATIENCE)
    job.kill_rank(1)
    job.wait_generation(2)
    again = wait_until(lambda: len(found := job.starts(2)) == 2 and found, "both ranks run again", PATIENCE)
    job.wait_registered(max(30, again[0]["resumed"] + 1))  # of generation 2's own
    job.kill_rank(0)
    job.wait_phase("done")  # the trainer refuses what is not whole, and would fail
    require(zombie.running(), "it wrote to the end")
    zombie.kill()
    require(log.read_text().splitlines()[-1].endswith("reached 0 pinned ones"), f"only its own: {log.read_text()[-200:]}")
    job.require_exact()
    resumed = [min(start["resumed"] for start in job.starts(number)) for number in (2, 3)]
    require(resumed[0] >= 10 and resumed[1] >= 30, f"each resumed from what it was given: {resumed}")
    wait_until(lambda: (job.checkpoints / "step-300.pt").exists(), "the last one is shown in the real directory", PATIENCE)
    s.cluster.run("ckpt", "verify", job.checkpoints)
    own = job.checkpoints / ".everstep" / "generations" / f"{job.id}.1"
    # One of them may have been open, and empty, when it was killed.
    wrote = [(own / f"step-{step}.pt").read_bytes() for step in range(10, 70, 10)]
    require(set(wrote) <= {b"", b"garbage"} and wrote.count(b"garbage") >= 5, f"what it wrote lies in its own generation's directory: {wrote}")


@story("PyTorch: the losses after a kill and a resume are those of a run that was never broken", nodes=2)
def torch_is_exact(s):
    train = ROOT / "examples" / "quickstart" / "train.py"
    command = ["/usr/bin/python3", train, "--text", "fortunes", "--from-scratch", "--steps", 120, "--batch", 2,
               "--checkpoint-every", 4]  # fmt: skip
    environment = {"EVERSTEP_LAB": s.lab.id, "XDG_CACHE_HOME": str(s.lab.directory), "OMP_NUM_THREADS": "1"}

    def losses(job) -> dict[int, set[float]]:
        found: dict[int, set[float]] = {}
        for line in s.cluster.run("logs", job.id, "--rank", 0, "--all").splitlines():
            if (start := line.find("{")) >= 0:
                metric = json.loads(line[start:])
                found.setdefault(metric["step"], set()).add(metric["loss"])
        return found

    whole = s.submit("whole", nodes=2, command=command, env=environment)
    whole.wait_phase("done", seconds=3 * PATIENCE)
    broken = s.submit("broken", nodes=2, command=command, env=environment)
    broken.wait_registered(8)
    rank = broken.view()["ranks"][1]
    require(rank["pid"] > 0, f"it still runs: {rank}")
    host = s.hosts[rank["node"]]
    host.run("kill", "-9", rank["pid"])
    broken.wait_phase("done", seconds=3 * PATIENCE)
    require(broken.view()["generation"] == 2, f"it was broken once: {broken.whys()}")
    require(losses(broken) == losses(whole), f"losses differ: {losses(broken)} and {losses(whole)}")
    require(len(losses(whole)) == 120 and all(len(values) == 1 for values in losses(broken).values()), "a step repeated is the same")
