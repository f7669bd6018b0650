"""What happens to the daemons: the job must not feel it."""

import shutil
import signal
import subprocess

from harness import PATIENCE, require, story, wait_until

# Where nobody may be taken for dead: on a busy machine a daemon may need seconds to come back.
PATIENT = {"fence": {"after": "20s"}, "detection": {"lost_after": "30s", "agent_return": "30s"}}


@story("The launcher is killed and started again in the middle of a job: the ranks go on, and nobody is lost", nodes=2)
def launcher_killed(s):
    job = s.submit(nodes=2, trainer=["--steps", 300])
    job.wait_registered(10)
    s.cluster.launcher.kill()
    here = max(line["step"] for line in job.witness("step"))
    job.wait_step(here + 20)
    s.cluster.start_launcher()
    job.wait_phase("done")
    view = job.view()
    require(view["generation"] == 1 and view["restarts"] == 0, f"no restart: {view['why']}")
    job.require_exact()


@story("A rank dies while there is no launcher: the next launcher learns of it and restarts the gang", nodes=2)
def rank_dies_without_launcher(s):
    job = s.submit(nodes=2, trainer=["--steps", 60])
    job.wait_registered(10)
    s.cluster.launcher.kill()
    job.kill_rank(1)
    s.cluster.start_launcher()
    job.wait_generation(2)
    job.wait_phase("done")
    require("SIGKILL" in job.whys(), f"the cause is known: {job.whys()}")
    job.require_exact()


@story("A job that was acknowledged outlives a launcher that is killed at once", nodes=2)
def submit_outlives_launcher(s):
    job = s.submit(nodes=2, trainer=["--steps", 12])
    s.cluster.launcher.kill()
    s.cluster.start_launcher()
    job.wait_phase("done")


@story("An agent is killed and started again: it finds its ranks alive, with the same process ids", nodes=2, **PATIENT)
def agent_killed(s):
    job = s.submit(nodes=2, trainer=["--steps", 240])
    job.wait_registered(10)
    name = job.host_names()[1]
    pids = {rank["rank"]: rank["pid"] for rank in job.view()["ranks"]}
    s.cluster.agents[name].kill()
    here = max(line["step"] for line in job.witness("step"))
    job.wait_step(here + 10)
    s.cluster.start_agent(name)
    s.cluster.wait_ready([name])
    require({rank["rank"]: rank["pid"] for rank in job.view()["ranks"]} == pids, "the same processes")
    job.wait_phase("done")
    view = job.view()
    require(view["generation"] == 1 and view["restarts"] == 0, f"no restart: {view['why']}")
    job.require_exact()


@story("A rank ends while its agent is away: the next agent reports how", nodes=2)
def rank_dies_without_agent(s):
    job = s.submit(nodes=2, trainer=["--steps", 60])
    job.wait_registered(10)
    name = job.host_names()[1]
    s.cluster.agents[name].kill()
    job.kill_rank(1, signal.SIGABRT)
    s.cluster.start_agent(name)
    job.wait_generation(2)
    job.wait_phase("done")
    require("SIGABRT" in job.whys(), f"the cause is known: {job.whys()}")
    job.require_exact()


@story("Launcher and one agent are killed together: both come back and the job has not noticed", nodes=2, **PATIENT)
def both_killed(s):
    job = s.submit(nodes=2, trainer=["--steps", 160])
    job.wait_registered(10)
    name = job.host_names()[0]
    s.cluster.launcher.kill()
    s.cluster.agents[name].kill()
    s.cluster.start_agent(name)
    s.cluster.start_launcher()
    s.cluster.wait_ready([name])
    job.wait_phase("done")
    require(job.view()["generation"] == 1, "no restart")


@story("An agent comes back with an empty state directory: its ranks are gone before others take their place", nodes=3)
def state_directory_lost(s):
    job = s.submit(nodes=2, trainer=["--steps", 200, "--alone"])
    job.wait_registered(10)
    first = job.host_names()[0]
    host = s.hosts[first]
    s.cluster.agents[first].kill()
    s.cluster.agents[first] = host.start(
        s.cluster.programs / "everstep-agent", "--node", first, "--launcher", s.cluster.address,
        "--listen", f"{host.address}:{7470 if s.lab.isolated else 0}", "--state", host.directory / "another",
        "--boot-id", host.boot_id, *s.cluster.plain_text, log=host.directory / "another.log",
    )  # fmt: skip
    job.wait_step(30, generation=2)
    job.require_one_world()
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("A second agent under a name that is taken is turned away, from another host and from the same", nodes=2)
def name_taken(s):
    impostor = s.lab.add_host("other")
    program = impostor.start(
        s.cluster.programs / "everstep-agent", "--node", "n1", "--launcher", s.cluster.address,
        "--listen", f"{impostor.address}:{7471 if s.lab.isolated else 0}", "--state", impostor.directory / "agent",
        "--boot-id", impostor.boot_id, *s.cluster.plain_text, log=impostor.directory / "agent.log",
    )  # fmt: skip
    wait_until(lambda: "n1" in (impostor.directory / "agent.log").read_text(), "it is told why", PATIENCE)
    require(s.node("n1")["address"].split(":")[0] == s.hosts["n1"].address, "the first one stays")
    program.kill()
    before = s.node("n1")["address"]
    twin = s.hosts["n1"].start(
        s.cluster.programs / "everstep-agent", "--node", "n1", "--launcher", s.cluster.address,
        "--listen", f"{s.hosts['n1'].address}:{7472 if s.lab.isolated else 0}", "--state", impostor.directory / "twin",
        "--boot-id", s.hosts["n1"].boot_id, *s.cluster.plain_text, log=impostor.directory / "twin.log",
    )  # fmt: skip
    wait_until(lambda: "another live agent is n1" in (impostor.directory / "twin.log").read_text(), "on the same host too", PATIENCE)
    require(s.node("n1")["address"] == before, "the first one stays")
    twin.kill()


@story("A second launcher on the same state, a port that is taken, an agent's port taken for the launcher's: said, and nothing is lost", nodes=1)
def wrong_places(s):
    job = s.submit(nodes=1, trainer=["--steps", 400])
    job.wait_phase("running")
    control = s.cluster.control
    programs, state = s.cluster.programs, control.directory / "launcher"

    def second(listen: str, directory) -> str:
        log = control.directory / "second.log"
        log.unlink(missing_ok=True)
        program = control.start(programs / "everstep-launcher", "--listen", listen, "--state", directory, *s.cluster.plain_text, log=log)
        require(program.wait() != 0, "it ends")
        return log.read_text()

    require("is in use by process" in (said := second(f"{control.address}:0", state)), f"it names the process: {said}")
    require("in use" in (said := second(s.cluster.address, control.directory / "other")), f"it names the port: {said}")
    agent = s.node("n1")["address"]
    wrong = control.command(programs / "everstep", "--launcher", agent, *s.cluster.plain_text, "jobs")
    done = subprocess.run(wrong, capture_output=True, text=True, env=control.environment(), cwd="/", timeout=60)
    require(done.returncode == 2 and "it is no launcher: an agent's port" in done.stderr, f"an agent is none: {done.stderr}")
    require(job.view()["generation"] == 1, "the job has not noticed")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("The launcher's disk fills up: new jobs are refused, the one that runs loses a rank and goes on, and with room all is well", nodes=2, needs_cut=True)
def full_disk(s):
    state, aside = s.cluster.control.directory / "launcher", s.cluster.control.directory / "aside"
    s.cluster.launcher.kill()
    shutil.copytree(state, aside)
    s.cluster.control.run("mount", "-t", "tmpfs", "-o", "size=96m", "none", state)
    s.cluster.control.run("cp", "-a", f"{aside}/.", state)
    s.cluster.start_launcher()
    job = s.submit(nodes=2, trainer=["--steps", 60])
    job.wait_registered(10)
    s.cluster.control.run("dd", "if=/dev/zero", f"of={state}/big", "bs=1M", check=False)  # all that there is
    job.kill_rank(1)
    job.wait_generation(2)
    refused = s.cluster.done("submit", job.witness_file.parent / "job.yaml")
    require(refused.returncode == 2 and "is nearly full" in refused.stderr and "state_dir" in refused.stderr, f"it says so: {refused}")
    job.wait_phase("done")
    job.require_exact()
    require("nearly full: new jobs are refused" in s.cluster.log_of_launcher(), "the operator's log says so too")
    s.cluster.control.run("rm", f"{state}/big")
    s.cluster.run("drain", "n1", "--reason", "anything that is written")  # looks at the disk again
    s.cluster.run("undrain", "n1")
    after = s.submit(nodes=2, trainer=["--steps", 12])
    after.wait_phase("done")


@story("Wall clocks jump by days, on the launcher and on a host: times shown differ, and nothing else", nodes=2,
       detection={"suspect_after": "20s", "lost_after": "60s"}, fence={"after": "40s"})  # fmt: skip
def clocks_jump(s):
    shim = s.cluster.programs.parent / "tests" / "wall_shift.so"
    shifts = {"control": s.lab.directory / "control.shift", "n1": s.lab.directory / "n1.shift"}
    jumped = {name: {"LD_PRELOAD": str(shim), "EVERSTEP_WALL_SHIFT": str(file)} for name, file in shifts.items()}

    def jump(name: str, seconds: int) -> None:
        shifts[name].with_suffix(".new").write_text(f"{seconds}\n")
        shifts[name].with_suffix(".new").rename(shifts[name])

    s.cluster.launcher.kill()
    s.cluster.agents["n1"].kill()
    s.cluster.start_launcher(jumped["control"])
    s.cluster.start_agent("n1", jumped["n1"])
    s.cluster.wait_ready(["n1", "n2"])
    before = len(s.cluster.ask("events"))  # the agent that was killed was silent
    job = s.submit(nodes=2, trainer=["--steps", 300])
    job.wait_registered(10)
    submitted = job.events()[0]["at"]
    for days in (30, -30):
        jump("control", days * 86_400)
        jump("n1", -days * 86_400)
        job.wait_step(max(line["step"] for line in job.witness("step")) + 20)
    require(job.view()["generation"] == 1, f"the job has not noticed: {job.whys()}")
    since = "\n".join(event["why"] for event in s.cluster.ask("events")[before:])
    require("suspect" not in since, f"nor has anybody been suspected: {since}")
    job.kill_rank(1)
    job.wait_generation(2)
    shown = next(event["at"] for event in reversed(job.events()))
    require(shown < submitted, f"what is shown is the clock as it is: {shown} after {submitted}")
    require(0 <= s.cluster.ask("incidents", job.id)[0]["lost"] < 60e9, "what was lost is measured by no wall clock")
    s.cluster.launcher.kill()
    s.cluster.start_launcher()  # thirty days later, by the log
    job.wait_phase("done")
    job.require_exact()
    require(job.view()["restarts"] == 1, f"one restart: {job.whys()}")
