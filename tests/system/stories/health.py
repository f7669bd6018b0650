"""Hosts whose own monitors raise alarms: who is taken out of work, what happens to the job, and how the host comes back."""

import datetime
import pathlib
import signal
import time

from harness import require, send, story, wait_until

# A probe that a busy machine keeps waiting does not hang.
WATCHED = {"monitor": True, "monitor_arguments": ["--profile", "cpu", "--deadline", "30s"]}
XID_79 = "NVRM: Xid (PCI:0000:18:00): 79, pid=1234, name=python3, GPU has fallen off the bus."


def kernel_says(s, host: str, text: str) -> None:
    """As the kernel of that host would: its agent's monitor follows this file."""
    with open(s.hosts[host].directory / "kmsg", "a") as log:
        log.write(f"3,{time.monotonic_ns() // 1000 % 10**9},{time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000},-;{text}\n")


def command_of(pid: int) -> list[str]:
    try:
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except OSError:
        return []


def wall_ns(text: str) -> int:
    whole, fraction = text.rstrip("Z").split(".")
    return int(datetime.datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def watched(s, *hosts: str) -> None:
    wait_until(lambda: all((s.node(host)["health"] or {}).get("watched") for host in hosts), "the monitors have looked once")


@story("A GPU falls off the bus: the host is quarantined, its job moves to another, and a person's clear gives it back", nodes=3, agent=WATCHED)
def gpu_falls_off(s):
    watched(s, "n1", "n2", "n3")
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_step(3)
    host = job.host_names()[1]
    kernel_says(s, host, XID_79)
    wait_until(lambda: s.node(host)["phase"] == "quarantined", f"{host} is quarantined")
    wait_until(lambda: host not in job.host_names() and job.view()["phase"] == "running", "the job runs elsewhere")
    whys = [event["why"] for event in job.events()]
    require(any(why.startswith(f"{host} is taken out of work, reboot: gpu.xid of GPU at 0000:18:00") for why in whys), f"{whys}")
    require(job.view()["restarts"] == 0, "the job has not failed")
    table = s.cluster.run("nodes")
    require("quarantined" in table and "CHECKS" in table, table)
    refused = s.cluster.done("clear", host, "--check", "gpu.typo", "--dry-run").stderr
    require("would be refused" in refused and "gpu.xid" in refused, refused)
    would = s.cluster.done("clear", host, "--check", "gpu.xid", "--dry-run").stderr
    require("1 alarm of gpu.xid, its quarantine, its offences of gpu.xid" in would and s.node(host)["phase"] == "quarantined", would)
    s.cluster.run("clear", host, "--note", "reseated")
    require(s.node(host)["phase"] == "ready", f"{s.node(host)}")
    require("cleared" in s.cluster.run("node", host), "the alarm stands, and somebody has seen it")
    s.cluster.run("cancel", job.id)
    job.wait_phase("cancelled")


@story("An alarm outlives its agent, and a monitor that dies is started again and says so", nodes=2, agent=WATCHED)
def monitor_again(s):
    watched(s, "n1", "n2")
    kernel_says(s, "n2", XID_79)
    wait_until(lambda: s.node("n2")["phase"] == "quarantined", "n2 is quarantined")
    s.cluster.agents["n2"].kill()
    s.cluster.start_agent("n2")
    watched(s, "n2")
    view = s.node("n2")
    require(view["phase"] == "quarantined" and "gpu.xid" in [alarm["check"] for alarm in view["health"]["alarms"]], f"{view}")


def seen_and_moved(s, job) -> None:
    with open("/dev/kmsg", "w") as log:
        begin = time.time_ns()
        log.write(f"<3>{XID_79} (a test of Everstep)\n")  # without the end of the line the kernel waits for more of it
    s.wait_node("n2", "quarantined")
    at = next(event["at"] for event in s.cluster.ask("events") if event["kind"] == "node_quarantined")
    print(f"    noticed and decided {(wall_ns(at) - begin) / 1e6:.0f} ms after the line")
    require(s.node("n1")["phase"] == s.node("n3")["phase"] == "ready", "the others read logs of their own")
    require("written by a program, not the kernel" in s.cluster.run("node", "n2"), "who wrote it is told")
    wait_until(lambda: "n2" not in job.host_names() and job.view()["phase"] == "running", "the job runs elsewhere")


@story("A line in the real kernel's log quarantines the host that reads it, within a second", nodes=3, needs_file="/dev/kmsg",
       agent={**WATCHED, "hosts": {"n2": {"kernel_log": "/dev/kmsg"}}})  # fmt: skip
def real_kernel_log(s):
    watched(s, "n1", "n2", "n3")
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_step(3)
    try:
        seen_and_moved(s, job)
    finally:  # as the driver takes back what it asked for: whoever scans this machine later finds nothing
        with open("/dev/kmsg", "w") as log:
            log.write("<6>NVRM: Xid (PCI:0000:18:00): 154, GPU recovery action changed from 0x2 (Node Reboot Required) to 0x0 (None)\n")


@story("A monitor that stands still or dies delays no beat: the host works on, and says that it is not watched", nodes=2, agent=WATCHED)
def monitor_stands_still(s):
    watched(s, "n1", "n2")
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_step(2)
    monitors = [pid for pid in s.hosts["n2"].pids() if "monitor" in command_of(pid)]
    require(monitors, "it runs")
    send(set(monitors), signal.SIGSTOP)
    job.wait_step(max(line["step"] for line in job.witness("step")) + 20)
    send(set(monitors), signal.SIGKILL)
    health = wait_until(lambda: not (seen := s.node("n2")["health"])["watched"] and seen, "it is told that nobody watches")
    require("killed by signal 9" in health["unwatched"], f"{health}")
    watched(s, "n2")
    require(s.node("n2")["phase"] == "ready" and job.view()["generation"] == 1, "nothing has come of it")


def looked_at(s, host: str, root: pathlib.Path) -> None:
    """From now on its monitor reads this tree instead of this machine's."""
    s.cluster.agents[host].kill()
    s.cluster.set_agent(host, {"monitor_arguments": [*WATCHED["monitor_arguments"], "--root", str(root)]})
    s.cluster.start_agent(host)


def check_of(s, host: str, check: str, scope: str = "") -> dict:
    return next((one for one in s.cluster.ask("node", host)["checks"]["checks"] if (one["check"], one["scope"]) == (check, scope)), {})


@story("A sick disk's value, limit, age and history are seen by `everstep node`, and who cannot be asked says so in a line", nodes=2, agent=WATCHED)
def every_check_is_seen(s):
    disk = s.hosts["n2"].directory / "root/sys/class/nvme/nvme0"
    disk.mkdir(parents=True)
    (disk / "state").write_text("live\n")
    looked_at(s, "n2", disk.parents[3])
    wait_until(lambda: check_of(s, "n2", "nvme.state", "nvme0").get("state") == "ok", "the disk is well")
    (disk / "state").write_text("dead\n")
    wait_until(lambda: check_of(s, "n2", "nvme.state", "nvme0").get("state") == "fail", "the disk is sick", seconds=40)
    seen = check_of(s, "n2", "nvme.state", "nvme0")
    require((seen["value"], seen["limit"], seen["changes"]) == ("dead", "!= live", 1), f"{seen}")
    require([change["state"] for change in seen["states"]] == ["ok", "fail"], f"{seen}")
    require([value["value"] for value in seen["values"]] == ["live", "dead"], f"{seen}")
    require(0 <= seen["age"] <= seen["in_state"] < seen["states"][0]["ago"], f"{seen}")
    lines = s.cluster.run("node", "n2").splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("STATE "))
    row = lines[at + 1].split()
    require(row[:5] == ["FAIL", "nvme.state", "of", "nvme0", "dead"] and row[-2:] == ["!=", "live"], "\n".join(lines))
    require("was: OK " in lines[at + 3] and "values before: live" in lines[at + 4], "\n".join(lines))
    send({s.cluster.agents["n2"].pid}, signal.SIGSTOP)
    told = s.cluster.ask("node", "n2")
    send({s.cluster.agents["n2"].pid}, signal.SIGCONT)
    require(told["checks"]["checks"] == [] and told["checks"]["untold"] == "n2 did not answer within 2 s", f"{told}")
    require(told["node"] == "n2" and told["address"], "the rest is shown all the same")
    require("No checks are shown: " not in s.cluster.run("node", "n1"), "the other is not touched")
