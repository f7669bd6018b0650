"""Everstep on a lab: a launcher on the host `control`, an agent on each other host. See lab.py for hosts and faults."""

import json
import pathlib
import signal
import subprocess

from lab import Host, Lab, LabError, Program, wait_until

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAUNCHER_PORT, AGENT_PORT = 7450, 7470


class CliError(LabError):
    """`everstep` failed. `code` is its exit code."""

    def __init__(self, arguments: tuple[object, ...], done: subprocess.CompletedProcess):
        super().__init__(f"everstep {' '.join(map(str, arguments))}: exit {done.returncode}: {(done.stderr + done.stdout).strip()}")
        self.code = done.returncode


class Cluster:
    """`launcher` and `agent` are settings as in launcher.yaml and agent.yaml, `agent` also "hosts": {name: settings}; `programs` is the folder with
    the four programs."""

    def __init__(self, lab: Lab, programs: pathlib.Path, launcher: dict | None = None, agent: dict | None = None):
        self.lab = lab
        self.programs = programs
        self.control = lab.add_host("control")
        self.nodes: dict[str, Host] = {}
        self.agents: dict[str, Program] = {}
        self.launcher: Program | None = None
        self.address = ""
        self._launcher_settings = self._write("launcher.yaml", launcher or {})
        self._agent_settings = agent or {}
        self._address_file = self.control.directory / "address"
        self.plain_text = ["--insecure"] if lab.isolated else []

    def _write(self, name: str, settings: dict) -> pathlib.Path:
        path = self.lab.directory / name
        path.write_text(json.dumps(settings))  # JSON is YAML
        return path

    def start(self, nodes: list[str]) -> None:
        """The launcher and an agent on a new host for each name; returns when all are ready."""
        self.start_launcher()
        for name in nodes:
            self.nodes[name] = self.lab.add_host(name)
            self.start_agent(name)
        self.wait_ready(nodes)

    def start_launcher(self, environment: dict[str, str] | None = None) -> None:
        port = LAUNCHER_PORT if self.lab.isolated or self.address else 0
        listen = self.address or f"{self.control.address}:{port}"
        self._address_file.unlink(missing_ok=True)
        self.launcher = self.control.start(
            self.programs / "everstep-launcher", "--listen", listen, "--state", self.control.directory / "launcher",
            "--address-file", self._address_file, "--config", self._launcher_settings, *self.plain_text,
            log=self.control.directory / "launcher.log", environment=environment,
        )  # fmt: skip

        def serves() -> bool:
            if not self.launcher.running():
                raise LabError(f"the launcher ended: {self.log_of_launcher()[-2000:]}")
            return self._address_file.exists() and bool(self._address_file.read_text().strip())

        wait_until(serves, "the launcher serves")
        self.address = self._address_file.read_text().strip()

    def set_agent(self, name: str, settings: dict) -> None:
        """Of its agent.yaml, from its next start on."""
        hosts = self._agent_settings.get("hosts", {})
        self._agent_settings = {**self._agent_settings, "hosts": {**hosts, name: settings}}

    def start_agent(self, name: str, environment: dict[str, str] | None = None) -> None:
        host = self.nodes[name]
        port = AGENT_PORT if self.lab.isolated else 0
        # What a host's kernel says is written there by whoever injects faults: they all have one kernel.
        kernel_log = host.directory / "kmsg"
        kernel_log.touch()
        common = {key: value for key, value in self._agent_settings.items() if key != "hosts"}
        own = self._agent_settings.get("hosts", {}).get(name, {})
        settings = self._write(f"{name}.agent.yaml", {"kernel_log": str(kernel_log), "monitor": False, **common, **own})
        self.agents[name] = host.start(
            self.programs / "everstep-agent", "--node", name, "--launcher", self.address, "--listen", f"{host.address}:{port}",
            "--state", host.directory / "agent", "--config", settings, "--boot-id", host.boot_id, *self.plain_text,
            log=host.directory / "agent.log", environment=environment,
        )  # fmt: skip

    def power_on(self, name: str) -> None:
        """Starts a host again after power_off(): a new boot, an agent with the old disk."""
        self.nodes[name].boot()
        self.start_agent(name)

    def wait_ready(self, names: list[str]) -> None:
        def ready() -> bool:
            for name in names:
                if not self.agents[name].running():
                    raise LabError(f"the agent on {name} ended: {self.log_of_agent(name)[-2000:]}")
            phases = {node["node"]: node["phase"] for node in self.ask("nodes")}
            return all(phases.get(name) == "ready" for name in names)

        wait_until(ready, f"{', '.join(names)} ready", every=0.05)

    # ---- the command line, as a person on the control host uses it ----

    def command(self, *arguments: object) -> list[str]:
        everstep = [self.programs / "everstep", "--launcher", self.address, *self.plain_text]
        return self.control.command(*everstep, *arguments)

    def run(self, *arguments: object, codes: tuple[int, ...] = (0,), seconds: float = 60, environment: dict[str, str] | None = None) -> str:
        """Runs `everstep ARGUMENTS` and returns its stdout; CliError unless it exits with one of `codes`."""
        done = self.done(*arguments, seconds=seconds, environment=environment)
        if done.returncode not in codes:
            raise CliError(arguments, done)
        return done.stdout

    def done(self, *arguments: object, seconds: float = 60, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess:
        """Runs `everstep ARGUMENTS`, however it ends."""
        return subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds,
                              env=self.control.environment(environment), cwd="/")  # fmt: skip

    def ask(self, *arguments: object, codes: tuple[int, ...] = (0,)) -> object:
        """What `everstep ARGUMENTS -o json` answers."""
        return json.loads(self.run(*arguments, "-o", "json", codes=codes))

    # ---- what they logged ----

    def log_of_launcher(self) -> str:
        return (self.control.directory / "launcher.log").read_text(errors="replace")

    def log_of_agent(self, name: str) -> str:
        return (self.nodes[name].directory / "agent.log").read_text(errors="replace")

    def stop(self) -> None:
        """SIGTERM to the launcher and the agents, as a service manager sends it."""
        for program in [*self.agents.values(), self.launcher]:
            if program and program.running():
                program.signal(signal.SIGTERM)
