"""What can be wrong with a network of eight hosts, how it is made in a lab, and what everstep-probe must say of it. A fault is made on hosts that
are drawn, so that nothing depends on which.
"""

import dataclasses
import random
import re
from collections.abc import Callable

from lab import Host, Lab, wait_until

HOSTS = 8
SLOW = 60_000_000  # bits a second, where others have as much as the machine gives
BEGUN = 1 << 20  # bytes that a host has received when all have met and test each other


@dataclasses.dataclass
class Fault:
    name: str
    make: Callable[[Lab, list[Host]], None]  # on the hosts drawn
    # Of the text that rank 0 prints and the hosts drawn (their ranks): empty, or why it is not right.
    judge: Callable[[str, list[int]], str]
    hosts: int = 1  # so many are drawn; never rank 0, by which all meet
    arguments: tuple[str, ...] = ()
    ordered: bool = False  # the lower rank of a pair connects to the other
    during: Callable[[Lab, list[Host]], None] | None = None  # once the first round runs
    nics: int = 1  # of each host, a rail each
    test: tuple[str, ...] = ("pairs", "-e", "128K", "-n", "16")
    names: bool = False  # what every rank says is judged, not what rank 0 prints
    survives: bool = False  # the hosts drawn say something in the end, too
    racks: tuple[str, ...] = ()  # hosts are in them by turns
    long: bool = False  # half a minute: played when it is named, or all are many times


def verdicts(text: str) -> list[str]:
    """Lines that blame somebody."""
    kinds = ("HOST", "HOST-TX", "HOST-RX", "NIC", "LINK", "SWITCH", "PAIR, CANNOT SAY WHICH")
    return [line[2:] for line in text.splitlines() if line.startswith(tuple(f"# {kind}: " for kind in kinds))]


def only(kinds: dict[int, tuple[str, ...]]) -> Callable[[str, list[int]], str]:
    """Each host drawn has one verdict, of one of these kinds, and nobody else has any."""

    def judge(text: str, drawn: list[int]) -> str:
        found = verdicts(text)
        for place, rank in enumerate(drawn):
            own = [line for line in found if line.split(": ", 1)[1].startswith(f"rank {rank} (")]
            if len(own) != 1 or own[0].split(":")[0] not in kinds[place]:
                return f"rank {rank} should be {' or '.join(kinds[place])}"
        return "" if len(found) == len(drawn) else f"{len(found)} verdicts instead of {len(drawn)}"

    return judge


def corrupted(text: str, drawn: list[int]) -> str:
    """Its own verdict, and what was wrong: at it, and nowhere else."""
    wrong = [line for line in text.splitlines() if line.startswith("# wrong: rank ")]
    own = [line for line in wrong if re.match(rf"# wrong: rank {drawn[0]} \(.* what came from rank .* at byte \d+ of \d+ is .* instead of ", line)]
    return only({0: ("HOST", "HOST-RX")})(text, drawn) or ("" if own and own == wrong else "the lines of wrong data are not of the rank drawn alone")


def link(text: str, drawn: list[int]) -> str:
    found = verdicts(text)
    if len(found) != 1 or not found[0].startswith("LINK: "):
        return "one LINK was to be named"
    return "" if all(f"rank {rank} (" in found[0] for rank in drawn) else "the LINK is of other hosts"


def nic(text: str, drawn: list[int]) -> str:
    found = verdicts(text)
    begins, where = f"NIC: rank {drawn[0]} (n{drawn[0] + 1}) failed with ", " over its rail 1 (eth1) only"
    return "" if len(found) == 1 and found[0].startswith(begins) and where in found[0] else "one NIC was to be named, eth1's"


def names_nic(text: str, drawn: list[int]) -> str:
    """Every rank says the same: which host's rail."""
    lines = [line for line in text.splitlines() if line.startswith("everstep-probe: ")]
    begins = f"everstep-probe: rank {drawn[0]} (n{drawn[0] + 1})'s rail 1 (eth1) "
    wrong = [line for line in lines if not line.startswith(begins)]
    return f"not all name the NIC: {wrong[0]}" if wrong else "" if len(lines) == HOSTS else f"{len(lines)} ranks say something"


def explained(sentence: str) -> Callable[[str, list[int]], str]:
    """One LINK, the one between both, and this reason for it (with {0}, {1} for the ranks drawn); no verdict and no reason of anybody else."""

    def judge(text: str, drawn: list[int]) -> str:
        wanted = sentence.format(*(f"rank {rank} (n{rank + 1})" for rank in drawn))
        reasons = [line.removeprefix("# why: ") for line in text.splitlines() if line.startswith("# why: ")]
        return link(text, drawn) or ("" if reasons == [wanted] else f"the only reason was to be: {wanted}")

    return judge


def names_only(text: str, drawn: list[int]) -> str:
    """Every rank that is left says that it is this one, and nobody names another."""
    lines = [line for line in text.splitlines() if line.startswith("everstep-probe: ")]
    named = [re.match(r"everstep-probe: (?:nothing from )?(rank \d+)", line) for line in lines]
    wrong = [line for line, name in zip(lines, named) if not name or name[1] != f"rank {drawn[0]}"]
    return f"not all name rank {drawn[0]} first: {wrong[0]}" if wrong else "" if lines else "nobody says anything"


def nft(host: Host, *rules: str) -> None:
    host.run("nft", "add table inet lab; add chain inet lab in { type filter hook input priority 0; }")
    for rule in rules:
        host.run("nft", f"add rule inet lab in {rule}")


def received(host: Host) -> int:
    """Bytes, since it was started."""
    return next(int(line.split()[1]) for line in host.run("cat", "/proc/net/dev").splitlines() if "eth0:" in line)


def slow_link(lab: Lab, drawn: list[Host]) -> None:
    drawn[0].limit(SLOW)


def slow_sender(lab: Lab, drawn: list[Host]) -> None:
    drawn[0].run(*f"tc qdisc replace dev eth0 root tbf rate {SLOW}bit burst 50000 latency 50ms".split())


def lossy(lab: Lab, drawn: list[Host]) -> None:
    nft(drawn[0], "numgen random mod 100 < 4 drop")


def dead(lab: Lab, drawn: list[Host]) -> None:
    drawn[0].power_off()


def frozen(lab: Lab, drawn: list[Host]) -> None:
    drawn[0].freeze()


def bad_link(lab: Lab, drawn: list[Host]) -> None:
    for one, other in (drawn, drawn[::-1]):
        nft(one, f"ip saddr {other.address} drop")


def blocked(lab: Lab, drawn: list[Host]) -> None:
    nft(drawn[1], f"ip saddr {drawn[0].address} tcp flags & (syn|ack) == syn drop", f"ip saddr {drawn[0].address} meta l4proto udp drop")


def small_frames(lab: Lab, drawn: list[Host]) -> None:
    """What is larger than others think is lost on the way to the second, without a word."""
    nft(drawn[1], f"ip saddr {drawn[0].address} meta length > 1000 drop")


def two_slow(lab: Lab, drawn: list[Host]) -> None:
    for host in drawn:
        host.limit(SLOW)


def slow_rail(lab: Lab, drawn: list[Host]) -> None:
    drawn[0].limit(SLOW, nic=1)


def silent_rail(lab: Lab, drawn: list[Host]) -> None:
    """Its link is up, and nothing comes through."""
    nft(drawn[0], 'iifname "eth1" drop')


def lost_rail(lab: Lab, drawn: list[Host]) -> None:
    for host in lab.hosts.values():
        silent_rail(lab, [host])


def lost(text: str, drawn: list[int]) -> str:
    found = verdicts(text)
    return "" if len(found) == 1 and found[0].startswith("SWITCH: rail 1 fails between all hosts") else "one SWITCH was to be named"


def bad_uplink(lab: Lab, drawn: list[Host]) -> None:
    """What goes between the racks is lost, but for the port where ranks meet."""
    hosts = list(lab.hosts.values())
    for racks in ((hosts[::2], hosts[1::2]), (hosts[1::2], hosts[::2])):
        others = ", ".join(host.address for host in racks[1])
        for host in racks[0]:
            nft(host, "tcp sport 29600 accept", "tcp dport 29600 accept", f"ip saddr {{ {others} }} meta l4proto tcp drop")


def uplink(text: str, drawn: list[int]) -> str:
    found = verdicts(text)
    begins, where = "SWITCH: ", "pairs between racks leaf-a and leaf-b failed"
    return "" if len(found) == 1 and found[0].startswith(begins) and where in found[0] else "one SWITCH was to be named, between the racks"


def pulled_rail(lab: Lab, drawn: list[Host]) -> None:
    drawn[0].cut(nic=1)


HOST, TX = ("HOST",), ("HOST-TX",)
FAULTS = (
    Fault("slow link", slow_link, only({0: HOST})),
    Fault("one-way slow", slow_sender, only({0: TX})),
    Fault("lossy", lossy, only({0: ("HOST", "HOST-RX")})),
    Fault("dead peer", lambda lab, drawn: None, names_only, during=dead),
    Fault("frozen peer", lambda lab, drawn: None, names_only, during=frozen),
    Fault("corrupted payload", lambda lab, drawn: None, corrupted, arguments=("--tamper", "{0}:9")),
    Fault("two bad hosts", two_slow, only({0: HOST, 1: HOST}), hosts=2),
    Fault("one bad link", bad_link, link, hosts=2),
    Fault("port blocked one way", blocked,
          explained("{0} cannot connect to {1} (nothing answers), {1} can to {0}: ports are blocked one way, by a firewall on {1} or between them"), hosts=2, ordered=True),  # fmt: skip
    Fault("MTU mismatch", small_frames, explained("from {0} to {1} small messages pass and large ones are lost: is the MTU the same at both ends and at all switches on the way?"), hosts=2),
    Fault("slow rail", slow_rail, nic, nics=2),
    Fault("silent rail", silent_rail, nic, nics=2, long=True),
    Fault("rail silent between all", lost_rail, lost, nics=2, long=True),
    Fault("bad switch between racks", bad_uplink, uplink, racks=("leaf-a", "leaf-b"), long=True),
    Fault("slow host in a rack", slow_link, only({0: HOST}), racks=("leaf-a", "leaf-b")),
    Fault("silent rail under an all-reduce", silent_rail, names_nic, nics=2, names=True, test=("allreduce", "-b", "1M", "-e", "1M", "-n", "10", "--algorithm", "ring")),
    Fault("rail pulled during an all-reduce", lambda lab, drawn: None, names_nic, nics=2, names=True, during=pulled_rail, survives=True,
          test=("allreduce", "-b", "1M", "-e", "1M", "-n", "100000", "--algorithm", "ring")),  # fmt: skip
)


def draw(fault: Fault, seed: int) -> list[int]:
    drawn = random.Random(f"{fault.name} {seed}").sample(range(1, HOSTS), fault.hosts)
    return sorted(drawn) if fault.ordered else drawn


def run(fault: Fault | None, build, seed: int, level: str, seconds: float = 120) -> tuple[str, str, list[int], list[int]]:
    """One lab, one run of `pairs`: what rank 0 printed, what all printed, the exit codes, the ranks drawn."""
    drawn = draw(fault, seed) if fault else []
    nics = fault.nics if fault else 1
    test = fault.test if fault else Fault.test
    with Lab(nics=nics) as lab:
        hosts = [lab.add_host(f"n{number + 1}") for number in range(HOSTS)]
        if fault:
            fault.make(lab, [hosts[rank] for rank in drawn])
        extra = [word.format(*drawn) for word in fault.arguments] if fault else []
        programs = []
        for rank, host in enumerate(hosts):
            environment = {"RANK": str(rank), "WORLD_SIZE": str(HOSTS), "MASTER_ADDR": hosts[0].address, "MASTER_PORT": "29600"}
            if fault and fault.racks:
                environment["EVERSTEP_RACK"] = fault.racks[rank % len(fault.racks)]
            rails = ("--interface", ",".join(f"eth{nic}" for nic in range(nics))) if nics > 1 else ()
            argv = [build / "bin" / "everstep-probe", *test, "--level", level, "--seed", seed, "-T", 2, *rails, *extra]
            programs.append(host.start(*argv, log=lab.directory / f"{rank}.log", environment=environment))
        if fault and fault.during:
            wait_until(lambda: received(hosts[drawn[0]]) > BEGUN, "the first round runs")
            fault.during(lab, [hosts[rank] for rank in drawn])
        alive = [rank for rank in range(HOSTS) if not (fault and fault.during and not fault.survives and rank in drawn)]
        codes = [programs[rank].wait(seconds) for rank in alive]
        texts = [(lab.directory / f"{rank}.log").read_text(errors="replace") for rank in alive]
        return texts[0], "".join(texts), codes, drawn
