"""What is proven of hosts before a job's ranks start on them, and what `everstep bench` measures between them."""

import json

from harness import CliError, require, story, wait_until

QUICK = {"level": "quick"}


def generations(job) -> list[str]:
    return [event["why"] for event in job.events() if event["kind"] in ("generation_planned", "generation_started", "preflight_ended")]


@story("A host with a slow link is found and swapped before the first step, and costs no restart", nodes=4, needs_cut=True, profile="default")
def slow_host_swapped(s):
    s.hosts["n2"].limit(50_000_000)
    job = s.submit(nodes=3, trainer=["--steps", 3], preflight=QUICK)
    job.wait_phase("done")
    whys = generations(job)
    found = next((why for why in whys if "finds" in why), "")
    require(found.startswith("preflight (quick) finds n2: HOST"), f"the slow host is named: {whys}")
    require("n4 takes rank 1 from n2" in "\n".join(whys), f"a good one takes its place: {whys}")
    require(job.host_names() == ["n1", "n4", "n3"], f"{job.host_names()}")
    view = job.view()
    require(view["restarts"] == 0 and view["incident"] is None, f"nothing has failed: {view}")
    require({line["environment"]["TORCHELASTIC_RESTART_COUNT"] for line in job.starts(view["generation"])} == {"0"}, "it is the first start")
    require(not job.starts(1), "no rank of the script ran on the slow host")
    require(s.node("n2")["fabric"]["passed"] is False and s.node("n4")["fabric"]["passed"] is True, "each host has its result")


@story("Hosts that passed are not checked again, and a second job starts at once", nodes=3)
def passed_is_remembered(s):
    first = s.submit(nodes=2, trainer=["--steps", 1], preflight=QUICK)
    first.wait_phase("done")
    require(first.view()["generation"] == 2, f"a check, then the ranks: {generations(first)}")
    second = s.submit(nodes=2, trainer=["--steps", 1], preflight=QUICK)
    second.wait_phase("done")
    require(second.view()["generation"] == 1, f"{generations(second)}")


@story("A host that freezes while it is checked is named and replaced", nodes=4, needs_cut=True)
def frozen_while_checked(s):
    s.hosts["n3"].limit(1_000_000)  # so that the check lasts
    job = s.submit(nodes=3, trainer=["--steps", 1], preflight=QUICK)
    wait_until(lambda: job.view()["preflight"] and job.view()["phase"] == "running", "the check runs")
    s.hosts["n2"].freeze()
    s.hosts["n3"].limit(None)
    job.wait_phase("done")
    require("n2" not in job.host_names(), f"{job.host_names()}")
    s.hosts["n2"].thaw()


@story("bench prints nccl-tests' table, refuses hosts that are busy, and what the probe refuses is its exit code", nodes=4)
def bench(s):
    table = s.cluster.run("bench", "allreduce", "-b", "8", "-e", "64K", "-f", "8")
    require(table.startswith("# everstep-probe") and "# Out of bounds values : 0 OK" in table, f"the table alone: {table}")
    whole = json.loads(s.cluster.run("bench", "alltoall", "n[1-3]", "-b", "4K", "-e", "4K", "-o", "json"))
    require(len(whole["devices"]) == 3 and whole["out_of_bounds"]["okay"], f"{whole}")
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_step(1)
    busy = s.cluster.done("bench", "pairs", job.host_names()[0], "n4")
    require(busy.returncode == 2 and f"works for {job.id}" in busy.stderr and "--wait" in busy.stderr, f"{busy}")
    others = s.cluster.done("bench", "pairs", "-e", "1M")
    require(others.returncode == 0 and others.stderr.startswith(f"without {job.host_names()[0][:-1]}"), f"only those that are free: {others}")
    bad = s.cluster.done("bench", "allreduce", "n3", "n4", "--provider", "efa")
    require(bad.returncode == 2 and "efa" in bad.stderr, f"the provider or an error: {bad}")
    unknown = s.cluster.done("bench", "allreduce", "n9")
    require(unknown.returncode == 2 and "there is no host n9" in unknown.stderr, f"{unknown}")
    s.cluster.run("cancel", job.id, "--now")


@story("check looks at hosts and at the network between them, names the bad one, and refuses hosts that work", nodes=4, needs_cut=True)
def check(s):
    good = s.cluster.ask("check", "n1", "n3")
    require([host["node"] for host in good] == ["n1", "n3"] and all(host["fabric"] == "passed" for host in good), f"{good}")
    require(all(host["fail"] == 0 and host["ok"] > 20 for host in good), f"{good}")
    proven = s.submit(nodes=2, trainer=["--steps", 1], hosts=["n1", "n3"], preflight=QUICK)
    proven.wait_phase("done")
    require(proven.view()["generation"] == 1, f"who has passed needs no preflight: {generations(proven)}")
    s.hosts["n2"].limit(50_000_000)
    bad = s.cluster.done("check", "n[1-4]")
    require(bad.returncode == 1 and "n2: FAIL fabric.host" in bad.stdout and "n3: FAIL" not in bad.stdout, f"{bad.stdout} {bad.stderr}")
    s.hosts["n2"].limit(None)
    alike = s.cluster.done("check", "n[1-4]", "--profile", "p5.48xlarge")
    require(alike.returncode == 1 and "FAIL gpu.count" in alike.stdout, f"{alike.stdout} {alike.stderr}")
    require("every host fails the same check, so none is held to be bad: " in s.whys(), s.whys())
    job = s.submit(nodes=2, trainer=["--steps", 400])
    job.wait_step(1)
    busy = s.cluster.done("check", job.host_names()[0])
    require(busy.returncode == 2 and f"works for {job.id}" in busy.stderr, f"{busy}")
    s.cluster.run("cancel", job.id, "--now")


@story("A job runs on the hosts that it names", nodes=4)
def named_hosts(s):
    job = s.submit(nodes=2, trainer=["--steps", 1], hosts=["n4", "n2"])
    job.wait_phase("done")
    require(job.host_names() == ["n2", "n4"], f"{job.host_names()}")
    try:
        s.submit(nodes=1, hosts=["n9"])
        require(False, "an unknown host is refused")
    except CliError as error:
        require("hosts: there is no host n9" in str(error), str(error))


@story("What is normal between these hosts is learned from runs without a finding, and a later run that is slower all over says so", nodes=4, needs_cut=True)
def learned(s):
    for host in s.hosts.values():
        host.limit(1_000_000_000)  # or what is normal is how busy this machine is
    for _ in range(3):
        s.cluster.run("bench", "pairs")
    require("tests of 1048576 bytes over tcp;ofi_rxm): learned" in s.whys(), s.whys())
    for host in s.hosts.values():
        host.limit(100_000_000)
    slow = s.cluster.run("bench", "pairs")
    require("# slower than usual: the median is 0.0" in slow and "learned here from" in slow, slow)
    require("no host and no link is bad" in slow, f"all are slow, so nobody is: {slow}")
