"""Two real vLLM servers on this machine, as servers: one started here, one by a command whose terminal goes away."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from actions.kinds.local_up import LocalUp
from actions.planning.plan import Plan
from actions.request import LOCAL, LOCAL_SERVER, Request, Target
from actions.running.action_run import ActionRun
from actions.running.progress import Outcome
from actions.running.runner import Runner
from console.config import paths
from console.config.local_settings import LocalSettings
from console.config.settings import PrometheusSettings, Settings, UiSettings
from console.wiring.local_actions import local_runner
from fleet.local.record import read_records, servers_folder
from fleet.local.server import Phase, ServerState
from fleet.local.spec import LaunchSpec
from fleet.local.watch import Watcher
from tests.ending import until_ended
from tests.ports import free_port
from tests.real.traces import Traces
from tests.real.vllm_server import EAGER, KEPT, ONE_PROCESS, STARTUP, UNBOUND
from tests.waiting import PATIENCE

ONE, TWO = "one", "two"
SLOTS = {ONE: 4, TWO: 2}
"""--max-num-seqs: further requests wait."""
SPACE = UNBOUND | {"VLLM_CPU_KVCACHE_SPACE": "1"}
ENVIRONMENT = {ONE: SPACE | ONE_PROCESS, TWO: SPACE}
"""One of them has its model in a process of its own, as all do on the CPU that nobody tells otherwise."""
EXTRA = {ONE: (EAGER,), TWO: ("--compilation-config", '{"mode": 2, "backend": "eager"}')}
"""One of them traces its model for a compiler and warms it up, as all do that nobody tells otherwise. Nothing compiles
it: its log and its processes are the same, and a C++ compiler takes half of a start on the CPU.
"""
LOADS = (Phase.LOADING, Phase.COMPILING)
QUARTERDECK = str(Path(sys.executable).with_name("quarterdeck"))
COLUMNS = 100


class Starter:
    """``quarterdeck`` on a separate terminal and in a separate session, like that of a user logged in by SSH."""

    def __init__(self, arguments: list[str], environ: Mapping[str, str]) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, COLUMNS, 0, 0))
        os.set_blocking(self._master, False)
        # --ctty: the terminal's end is told to the session, as sshd's is.
        self.process = subprocess.Popen(
            ["setsid", "--ctty", QUARTERDECK, *arguments], stdin=slave, stdout=slave, stderr=slave, env=dict(environ)
        )
        os.close(slave)
        self._shown = b""
        self._open = True

    @property
    def shown(self) -> str:
        """Return its output so far."""
        # Nothing more to read now, or nobody at the other end any more.
        with suppress(OSError):
            while self._open and (chunk := os.read(self._master, 65536)):
                self._shown += chunk
        return self._shown.decode(errors="replace")

    def hang_up(self) -> None:
        """Everything of its session is killed, and its terminal is gone."""
        if self._open:
            session = [each for each in psutil.process_iter() if _session(each.pid) == self.process.pid]
            for process in session:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            assert self.shown or session
            self._open = False
            os.close(self._master)
        self.process.wait(PATIENCE)


def _session(pid: int) -> int:
    with suppress(OSError):
        return os.getsid(pid)
    return -1


@dataclass
class Here:
    """One user on this machine: settings, state folder and home under ``root``."""

    root: Path
    vllm: Path
    environ: Mapping[str, str]
    ports: Mapping[str, int]
    seen: dict[str, list[Phase]] = field(default_factory=lambda: {ONE: [], TWO: []})
    """The phases in which each was seen while it loaded."""
    told: list[str] = field(default_factory=list)
    """Messages of the console about the start of ONE."""
    plan: Plan | None = None
    outcome: Outcome | None = None
    hung_up: Phase | None = None
    """Phase of TWO when the session that started it ended."""
    starter: Starter | None = None

    @property
    def servers(self) -> Path:
        """Folder of the records of servers."""
        return servers_folder(paths.state_folder(self.environ))

    @property
    def settings(self) -> Settings:
        """Settings of a user who has set little. The window covers all requests here."""
        return Settings(
            local=LocalSettings(vllm=str(self.vllm / "bin" / "vllm"), grace=200.0),
            ui=UiSettings(refresh=0.5),
            prometheus=PrometheusSettings(window=600.0),
        )

    def model(self, name: str) -> Path:
        """The folder of a server's model."""
        return self.root / f"model-{name}"

    def variables(self, name: str) -> dict[str, str]:
        """The environment of a server, beyond what it inherits."""
        return ENVIRONMENT[name] | {KEPT: str(self.vllm / "cache")}

    def spec(self, name: str) -> LaunchSpec:
        """Return a request for a server."""
        return LaunchSpec(
            name,
            str(self.model(name)),
            port=self.ports[name],
            served_model_name=(f"tiny-{name}",),
            max_model_len=1024,
            max_num_seqs=SLOTS[name],
            dtype="float32",
            env=self.variables(name),
            extra=EXTRA[name],
        )

    def runner(self, watcher: Watcher) -> Runner:
        """Return the console's own runner of actions, with the audit log."""

        def changed(state: ActionRun) -> None:
            if state.latest is not None and state.latest.text not in self.told[-1:]:
                self.told.append(state.latest.text)

        return local_runner(self.settings, self.environ, watcher, changed)

    async def carried_out(self, watcher: Watcher, request: Request) -> tuple[Plan, Outcome]:
        """Planned, confirmed and done."""
        runner = self.runner(watcher)
        try:
            plan = await runner.executor.plan(request)
            return plan, await runner.wait(runner.start(plan, "", "yes").id)
        finally:
            await runner.close()

    async def server(self, watcher: Watcher, name: str) -> ServerState:
        """The server as it is now."""
        return next(state for state in await watcher.poll() if state.name == name)

    async def start(self) -> None:
        """Both, side by side, until both are ready. Raises AssertionError."""
        arguments = ["local", "up", str(self.model(TWO)), "--name", TWO, "--port", str(self.ports[TWO])]
        arguments += ["--served-model-name", f"tiny-{TWO}", "--max-model-len", "1024", "--dtype", "float32"]
        arguments += [
            "--max-num-seqs",
            str(SLOTS[TWO]),
            *(f"--env={k}={v}" for k, v in self.variables(TWO).items()),
            "--yes",
            "--",
            *EXTRA[TWO],
        ]
        self.starter = Starter(arguments, self.environ)
        acting, looking = Watcher(self.servers), Watcher(self.servers)
        up = asyncio.create_task(self.carried_out(acting, LocalUp(Target(LOCAL_SERVER, LOCAL, ONE), self.spec(ONE))))
        try:
            async with asyncio.timeout(STARTUP):
                while not all(phases[-1:] == [Phase.READY] for phases in self.seen.values()):
                    for state in await looking.poll():
                        assert state.alive, f"{state.name} died: {state.reason}\n{state.record.log.read_text()[-3000:]}"
                        if self.seen[state.name][-1:] != [state.stage.phase]:
                            self.seen[state.name].append(state.stage.phase)
                    if self.hung_up is None and self.seen[TWO] and self.seen[TWO][-1] in LOADS:
                        self.hung_up = self.seen[TWO][-1]
                        self.starter.hang_up()
                        # Whoever looks from now on has never seen it before.
                        await looking.close()
                        looking = Watcher(self.servers)
                    assert self.hung_up or self.starter.process.poll() is None, self.starter.shown
                    assert not up.done() or up.result()[1].ok, up.result()
                    await asyncio.sleep(0.2)
            self.plan, self.outcome = await up
        except TimeoutError as late:
            logs = (record.log.read_text(errors="replace")[-2000:] for record in read_records(self.servers)[0])
            raise AssertionError("\n".join((f"not ready in {STARTUP:.0f} s: {self.seen}", *logs))) from late
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            await looking.close()
            await acting.close()

    def processes(self) -> list[psutil.Process]:
        """Return all processes that run in a folder of our servers, whatever their parent."""
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.cwd().startswith(f"{self.servers}/"):
                    found.append(process)
        return found


@contextmanager
def two_servers(root: Path, vllm: Path) -> Iterator[Here]:
    """Both servers, ready; all their processes are gone at the end."""
    home = root / "home"
    home.mkdir()
    unwanted = ("QUARTERDECK_", "KUBECONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "VLLM_", "HF_")
    environ = {name: value for name, value in os.environ.items() if not name.upper().startswith(unwanted)}
    environ |= {"HOME": str(home), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    environ |= {f"XDG_{name}_HOME": str(root / name.lower()) for name in ("CONFIG", "STATE", "CACHE", "DATA")}
    config = root / "config" / "quarterdeck" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'[local]\nvllm = "{vllm / "bin" / "vllm"}"\n')
    here = Here(root, vllm, environ, {ONE: free_port(), TWO: free_port()})
    _make_models(here)
    try:
        asyncio.run(here.start())
        yield here
    finally:
        if here.starter is not None:
            here.starter.hang_up()
        left = here.processes()
        traces = Traces.of(left)
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        until_ended(left)
        for path in traces.shared | traces.sockets:
            Path(path).unlink(missing_ok=True)
        for record in read_records(here.servers)[0]:
            shutil.rmtree(record.runtime, ignore_errors=True)


def _make_models(here: Here) -> None:
    """Make two models of different shapes; the one of TWO is in several files.

    The one of ONE is large enough for its frontend to keep up: a frontend flooded with tokens answers no scrape.
    """
    maker = str(Path(__file__).with_name("vllm_model.py"))
    python = str(here.vllm / "bin" / "python")
    making = [
        subprocess.Popen([python, maker, str(here.model(name)), *shape], stderr=subprocess.DEVNULL)
        for name, shape in ((ONE, ("7", "768")), (TWO, ("2", "256", "2000000")))
    ]
    for process in making:
        assert process.wait(STARTUP) == 0
