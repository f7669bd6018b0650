"""A lab: several hosts on one Linux machine, and the faults that hosts have. Python 3.11, standard library only.

As root a host is a set of namespaces (network, process ids, mounts, host name) joined by a veth pair to a bridge in a namespace
of its own. What happens in it is what happens on a machine: a cut link sends no FIN and no RST, killing process 1 is a power
cut, and each host has its own name, address and /etc/hosts. Nothing of it is visible outside; two labs never meet.

Otherwise (`lab.isolated` is False, `lab.limits` says so in words) hosts are plain processes on 127.0.0.1: a killed host's peers see
connections reset, and links cannot be cut.

Nothing stays behind, whatever ends the program that made the lab: namespaces have no names and end with their process 1, which
the kernel kills when the program dies; a sweeper process (this file as a program) removes the rest: processes,
cgroups, the lab's directory. The sweeper acts when its standard input ends, so it also acts after SIGKILL.

Use from one thread. Calls that fail raise LabError with what was tried and what came back.
"""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator

MARK = "EVERSTEP_LAB"  # the environment variable by which the processes of a lab are known
DEADLINE = 20.0  # seconds for anything that takes milliseconds

# Process 1 of a host. It ignores SIGCHLD, so the kernel reaps what is orphaned to it.
FIRST_PROCESS = """
set -e
echo "$1" > /proc/sys/kernel/hostname
mount --bind "$2" /etc/hosts
mount --bind "$3" /proc/sys/kernel/random/boot_id
ip link set lo up
# bbr paces veth traffic to a fraction of what it can carry. A namespace may choose only what the machine allows it; reno always.
cd /proc/sys/net/ipv4
case "$(cat tcp_congestion_control)" in bbr*) { echo cubic > tcp_congestion_control; } 2>/dev/null || echo reno > tcp_congestion_control;; esac
cd /
echo ready
trap '' CHLD
exec sleep infinity
"""


class LabError(Exception):
    pass


def wait_until(condition: Callable[[], object], what: str, seconds: float = DEADLINE, every: float = 0.02) -> object:
    """Asks `condition` until it says something true, and returns that; LabError names `what` when the time is over."""
    end = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise LabError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(every)


# ---- processes, as /proc shows them -------------------------------------------------------------------------------------


def all_pids() -> Iterator[int]:
    return (int(entry) for entry in os.listdir("/proc") if entry.isdigit())


def parent(pid: int) -> int | None:
    try:
        text = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])


def ended(pid: int) -> bool:
    """Gone, or a zombie that waits for its parent."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def with_descendants(roots: set[int]) -> set[int]:
    parents = {pid: parent(pid) for pid in all_pids()}
    found = set(roots)
    while True:
        more = {pid for pid, up in parents.items() if up in found and pid not in found}
        if not more:
            return found
        found |= more


def marked(mark: str) -> set[int]:
    """The live processes whose environment has `mark` (NAME=value)."""
    found = set()
    for pid in all_pids():
        with contextlib.suppress(OSError):
            if mark.encode() in pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0") and not ended(pid):
                found.add(pid)
    return found


def send(pids: set[int], number: int) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def own_cgroups() -> list[pathlib.Path]:
    """Where this process is in the hierarchies in which keepers make groups (version 2, and version 1's memory), if writable."""
    paths = []
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, group = line.split(":", 2)
        for mount in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
            place, (kind, _, options) = mount.split()[4], mount.partition(" - ")[2].split(" ", 2)
            fits = kind == "cgroup2" if not controllers else kind == "cgroup" and "memory" in options.split(",")
            if fits and controllers in ("", "memory") and os.access(f"{place}{group}/cgroup.procs", os.W_OK):
                paths.append(pathlib.Path(place + group))
    return paths


# ---- the sweeper --------------------------------------------------------------------------------------------------------


def sweep(lab_id: str, directory: pathlib.Path | None, cgroups: list[pathlib.Path]) -> list[str]:
    """Ends every process of the lab and removes its cgroups and directory. Returns what could not be removed."""
    end = time.monotonic() + DEADLINE
    mark = f"{MARK}={lab_id}"
    while True:
        alive = with_descendants(marked(mark)) - {os.getpid()}
        if not alive or time.monotonic() > end:
            break
        send(alive, signal.SIGKILL)
        time.sleep(0.02)
    left = [f"process {pid}" for pid in sorted(alive)]
    for path in [path for top in cgroups for path in [*sorted(top.rglob("*/"), reverse=True), top]]:
        try:
            wait_until(lambda path=path: _removed(path), f"cgroup {path} is empty", 5)
        except LabError:
            left.append(f"cgroup {path}")
    if directory:
        shutil.rmtree(directory, ignore_errors=True)
        if directory.exists():
            left.append(f"directory {directory}")
    return left


def _removed(group: pathlib.Path) -> bool:
    with contextlib.suppress(OSError):
        group.rmdir()
    return not group.exists()


def sweeper_main(lab_id: str, directory: str, *cgroups: str) -> int:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # it has nothing to do but this, and does it when the lab ends
    while os.read(0, 4096):
        pass
    left = sweep(lab_id, pathlib.Path(directory) if directory else None, [pathlib.Path(path) for path in cgroups])
    if left:
        print("lab: left behind: " + ", ".join(left), file=sys.stderr)
    return 1 if left else 0


# ---- hosts --------------------------------------------------------------------------------------------------------------


class Program:
    """Something started on a host. `pid` is what this machine calls it, `pid_inside` what the host does."""

    def __init__(self, host: "Host", popen: subprocess.Popen, wrapped: bool):
        self.host = host
        self._popen = popen
        self.pid = self.wrapper_pid = popen.pid
        if wrapped:
            # nsenter forks the program into the host and waits for it.
            def child() -> int | None:
                return popen.poll() is not None or next((pid for pid in all_pids() if parent(pid) == popen.pid), None)

            found = wait_until(child, f"{popen.args} starts")
            self.pid = popen.pid if found is True else found

    @property
    def pid_inside(self) -> int:
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("NSpid:"):
                return int(line.split()[-1])
        return self.pid

    def running(self) -> bool:
        return self._popen.poll() is None and not ended(self.pid)

    def signal(self, number: int) -> None:
        send({self.pid}, number)

    def kill(self) -> None:
        """SIGKILL, and seen to be gone. What it started lives on."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = DEADLINE) -> int:
        """The exit code; killed by signal N: 128 + N."""
        send({self.wrapper_pid}, signal.SIGCONT)  # nsenter stops when its child is stopped, and may have missed the thaw
        try:
            code = self._popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self.host.name}: process {self.pid} still runs after {seconds:g} s") from None
        return 128 - code if code < 0 else code


class Host:
    """Made by Lab.add_host. A power cut and a new start give it another `boot_id`."""

    def __init__(self, lab: "Lab", name: str, addresses: list[str]):
        self.lab = lab
        self.name = name
        self.addresses = addresses  # of eth0, eth1, …, each in a network of its own
        self.address = addresses[0]
        self.directory = lab.directory / name  # its disk: outlives a power cut
        self.directory.mkdir()
        self.boot_id = ""  # what this host's kernel says, where it has one of its own
        self.first_pid: int | None = None
        self._holder: subprocess.Popen | None = None
        self._programs: list[Program] = []

    def boot(self) -> None:
        assert self.first_pid is None, f"{self.name} runs already"
        self.boot_id = str(uuid.uuid4())
        if not self.lab.isolated:
            self.first_pid = os.getpid()
            return
        self._holder, self.first_pid = self.lab.hold(self.name, self.boot_id)
        self.lab.plug_in(self)

    def command(self, *argv: object) -> list[str]:
        """`argv` so that it runs on this host, when this program runs it."""
        words = [str(word) for word in argv]
        assert self.first_pid, f"{self.name} is off"
        if self.lab.isolated:
            enter = ["nsenter", "-t", str(self.first_pid), "--net", "--uts", "--pid", "--mount", "--wd=/", "--"]
            words = ["setpriv", "--pdeathsig", "KILL", "--", *enter, *words]
        return self.lab.in_cgroups(words, self.name)

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        """A bare one, as a service manager gives, and the lab's mark."""
        path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        return {"PATH": path, "HOME": "/", "LANG": "C.UTF-8", MARK: self.lab.id, f"{MARK}_HOST": self.name, **(more or {})}

    def start(self, *argv: object, log: pathlib.Path, environment: dict[str, str] | None = None) -> Program:
        """Starts a program in a session of its own; stdout and stderr are appended to `log`."""
        with open(log, "ab") as out:
            popen = subprocess.Popen(
                self.command(*argv), stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=self.environment(environment),
                cwd="/", start_new_session=True,
            )  # fmt: skip
        program = Program(self, popen, self.lab.isolated)
        self._programs.append(program)
        return program

    def run(self, *argv: object, seconds: float = 60, check: bool = True) -> str:
        """Runs a program to its end and returns its stdout. LabError with its stderr if it fails, unless `check` is off."""
        done = subprocess.run(self.command(*argv), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
                              env=self.environment(), cwd="/")  # fmt: skip
        if check and done.returncode != 0:
            raise LabError(f"{self.name}: {' '.join(map(str, argv))}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def pids(self) -> set[int]:
        """Every process of this host but process 1, as this machine numbers them."""
        if not self.lab.isolated:
            return with_descendants(marked(f"{MARK}_HOST={self.name}") & marked(f"{MARK}={self.lab.id}"))
        space = os.readlink(f"/proc/{self.first_pid}/ns/pid")
        found = set()
        for pid in all_pids():
            with contextlib.suppress(OSError):
                if pid != self.first_pid and os.readlink(f"/proc/{pid}/ns/pid") == space:
                    found.add(pid)
        return found

    def pid_outside(self, pid_inside: int) -> int:
        """What this machine calls a process of this host."""
        if not self.lab.isolated:
            return pid_inside
        for pid in self.pids():
            with contextlib.suppress(OSError):
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
                inside = next(line.split()[1:] for line in status.splitlines() if line.startswith("NSpid:"))
                if len(inside) > 1 and int(inside[-1]) == pid_inside:
                    return pid
        raise LabError(f"{self.name} has no process {pid_inside}")

    # ---- faults ----

    def port(self, nic: int = 0) -> str:
        """What the switch calls the other end of a cable."""
        return f"{self.name}-{nic}" if nic else self.name

    def cut(self, nic: int = 0) -> None:
        """Pulls a cable: nothing arrives, nothing leaves, and nobody is told."""
        self.lab.switch(f"ip link set {self.port(nic)} down")

    def heal(self, nic: int = 0) -> None:
        self.lab.switch(f"ip link set {self.port(nic)} up")

    def limit(self, bits_per_second: int | None, nic: int = 0) -> None:
        """Shapes what leaves this host by a NIC and what comes to it; None: as fast as it goes."""
        for where, device in ((self.run, f"eth{nic}"), (lambda *argv: self.lab.switch(" ".join(argv)), self.port(nic))):
            if bits_per_second is None:
                where(*f"tc qdisc del dev {device} root".split())
            else:
                shape = f"rate {bits_per_second}bit burst {max(bits_per_second // 800, 16000)} latency 50ms"
                where(*f"tc qdisc replace dev {device} root tbf {shape}".split())

    def freeze(self) -> None:
        """SIGSTOP to every process, until no new one appears."""
        self._stopped: set[int] = set()
        while new := self.pids() - self._stopped:
            send(new, signal.SIGSTOP)
            self._stopped |= new

    def thaw(self) -> None:
        send(self.pids(), signal.SIGCONT)

    def power_off(self) -> None:
        """SIGKILL to every process at once; only the disk (`directory`) stays. boot() starts the host again."""
        if self.lab.isolated:
            send({self.first_pid} | {program.wrapper_pid for program in self._programs}, signal.SIGKILL)
            self._holder.wait(DEADLINE)
        else:
            # Stopped first, so that no keeper sees another's end and acts on it.
            self.freeze()
            while alive := self.pids():
                send(alive, signal.SIGKILL)
                wait_until(lambda: all(ended(pid) for pid in alive), f"{self.name}'s processes are gone")
        for program in self._programs:
            program.wait()
        self._programs.clear()
        self.first_pid = None


class Lab:
    """REQUIRES: close() is called, best by `with`. Signals that end a program (INT, TERM, HUP) become SystemExit meanwhile.
    `nics`: of each host, up to 3, each at a switch of its own."""

    def __init__(self, keep: bool = False, isolated: bool | None = None, nics: int = 1):
        self.id = f"{os.getpid()}-{time.monotonic_ns() // 1_000_000 % 1_000_000}"
        self.hosts: dict[str, Host] = {}
        self.limits = ""
        reason = why_not_isolated()
        self.isolated = not reason if isolated is None else isolated
        if self.isolated and reason:
            raise LabError(reason)
        if not self.isolated:
            self.limits = f"hosts are plain processes on 127.0.0.1 ({reason or 'as asked'}): links cannot be cut, and a killed host's connections are reset"  # noqa: E501
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix=f"everstep-lab-{self.id}-"))
        self._cgroups: list[pathlib.Path] = []
        for above in own_cgroups():
            with contextlib.suppress(OSError):
                (above / f"everstep-lab-{self.id}").mkdir()
                self._cgroups.append(above / f"everstep-lab-{self.id}")
        self._handlers = {number: signal.signal(number, _exit_on_signal) for number in
                          (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}  # fmt: skip
        self._sweeper = subprocess.Popen(
            [sys.executable, __file__, "sweep", self.id, "" if keep else str(self.directory), *map(str, self._cgroups)],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self._hosts_file = self.directory / "hosts"
        self._hosts_file.write_text("127.0.0.1 localhost\n")
        self._nets = [f"10.{64 * (nic + 1) + os.getpid() // 256 % 64}.{os.getpid() % 256}" for nic in range(nics)]
        self._switch_pid = None
        if self.isolated:
            self._switch_holder, self._switch_pid = self.hold("switch")
            for nic in range(nics):
                self.switch(f"ip link add lab{nic} type bridge forward_delay 0")
                self.switch(f"ip link set lab{nic} up")

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends every host and removes all that was made. May be called twice."""
        if self._sweeper is None:
            return
        for number in self._handlers:
            signal.signal(number, signal.SIG_IGN)  # an impatient Ctrl-C must not cut the cleaning short
        sweeper, self._sweeper = self._sweeper, None
        sweeper.stdin.close()
        sweeper.wait()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if sweeper.returncode != 0:
            raise LabError("something was left behind: see above")

    def add_host(self, name: str) -> Host:
        """A new host, running."""
        addresses = [f"{net}.{len(self.hosts) + 1}" if self.isolated else "127.0.0.1" for net in self._nets]
        host = Host(self, name, addresses)
        with open(self._hosts_file, "a") as file:
            file.write(f"{host.address} {name}\n")
        self.hosts[name] = host
        host.boot()
        return host

    def in_cgroups(self, argv: list[str], name: str) -> list[str]:
        """`argv`, entering the host's groups first: what is made below them is the lab's to remove."""
        groups = [str(group / name) for group in self._cgroups]
        for group in groups:
            pathlib.Path(group).mkdir(exist_ok=True)
        enter = 'while [ "$1" != -- ]; do echo 0 > "$1/cgroup.procs"; shift; done; shift; exec "$@"'
        return ["sh", "-c", enter, "sh", *groups, "--", *argv] if groups else argv

    def hold(self, name: str, boot_id: str = "") -> tuple[subprocess.Popen, int]:
        """New namespaces with a process 1 that does nothing; both end when this program does."""
        spaces = "--net --uts --pid --mount --fork --mount-proc --kill-child=KILL".split()
        boot_file = self.directory / f"{name}.boot"
        boot_file.write_text(boot_id + "\n")
        program = ["sh", "-c", FIRST_PROCESS, "everstep-host", name, str(self._hosts_file), str(boot_file)]
        holder = subprocess.Popen(
            self.in_cgroups(["setpriv", "--pdeathsig", "KILL", "--", "unshare", *spaces, "--", *program], name),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", MARK: self.id}, cwd="/",
        )  # fmt: skip
        if holder.stdout.readline() != b"ready\n":
            raise LabError(f"cannot make host {name}: {holder.stderr.read().decode().strip()}")
        first = next(pid for pid in all_pids() if parent(pid) == holder.pid)
        return holder, first

    def plug_in(self, host: Host) -> None:
        """New cables from the host's NICs to the switches. The old ones went with the host's old network namespace."""
        for nic, address in enumerate(host.addresses):
            port = host.port(nic)
            wait_until(lambda port=port: not self._has_port(port), f"the old cable of {port} is gone")
            self.switch(f"ip link add {port} type veth peer name eth{nic} netns {host.first_pid}")
            self.switch(f"ip link set {port} master lab{nic} up")
            host.run("ip", "address", "add", f"{address}/24", "dev", f"eth{nic}")
            host.run("ip", "link", "set", f"eth{nic}", "up")

    def _has_port(self, name: str) -> bool:
        return subprocess.run(self._in_switch(f"ip link show {name}"), capture_output=True).returncode == 0

    def _in_switch(self, command: str) -> list[str]:
        if not self.isolated:
            raise LabError(f"cannot do this here: {self.limits}")
        return ["nsenter", "-t", str(self._switch_pid), "--net", "--", *command.split()]

    def switch(self, command: str) -> None:
        """Runs one of ip's or tc's commands where the bridge is."""
        done = subprocess.run(self._in_switch(command), capture_output=True, text=True)
        if done.returncode != 0:
            raise LabError(f"switch: {command}: {done.stderr.strip()}")


def _exit_on_signal(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def why_not_isolated() -> str:
    """Why hosts cannot be namespaces here; empty: they can. Tried, not guessed: containers often forbid it to their root."""
    if os.geteuid() != 0:
        return "namespaces need root"
    for tool in ("ip", "unshare", "nsenter", "setpriv"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    attempt = "ip link set lo up && ip link add veth8 type veth peer name veth9 && ip link add lab0 type bridge"
    tried = subprocess.run(["unshare", "--net", "--uts", "--pid", "--mount", "--fork", "--mount-proc", "sh", "-c", attempt],
                           capture_output=True, text=True)  # fmt: skip
    return tried.stderr.strip().splitlines()[-1] if tried.returncode != 0 else ""


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] != "sweep":
        sys.exit("usage: lab.py sweep LAB-ID DIRECTORY [CGROUP …] (started by a Lab; see README.md)")
    sys.exit(sweeper_main(*sys.argv[2:]))
