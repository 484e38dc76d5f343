"""A machine of a test: a fake ``vllm``, a tiny model folder, a state folder, and a runner of actions."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from actions.kinds.local_down import LocalDown
from actions.kinds.local_up import LocalUp
from actions.local.context import local_scope
from actions.local.environment import SERVER_ID
from actions.local.executor import LocalExecutor
from actions.local.machine import Machine
from actions.planning.plan import Plan
from actions.planning.plan_context import Rules
from actions.request import LOCAL, LOCAL_SERVER, Request, Target
from actions.running.action_run import ActionRun
from actions.running.progress import Outcome
from actions.running.runner import Runner
from fleet.local.gpus import GpuReading
from fleet.local.record import read_records, servers_folder
from fleet.local.server import Phase, ServerState
from fleet.local.spec import LaunchSpec
from fleet.local.watch import Watcher
from tests.ending import until_ended
from tests.ports import free_port
from tests.waiting import PATIENCE

SHARED = Path("/dev/shm")  # noqa: S108 - where shared memory is
BEHAVIOUR: Mapping[str, Any] = {
    "version": "0.32.0+cpu",
    "drains": True,
    "closes": False,
    "shards": 3,
    "dies_of": "",
    "shared": True,
    "daemon": False,
    "deaf": False,
    "deaf_workers": False,
    "leaves_workers": False,
}
"""``closes``: who drains stops to listen at once, as vLLM 0.19 does. ``deaf``: it ignores SIGINT and SIGTERM.
``daemon``: its workers leave its session.
"""
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "hidden_size": 16,
    "max_position_embeddings": 256,
    "dtype": "float32",
}


def fake_vllm(folder: Path, **behaviour: Any) -> Path:
    """An executable ``vllm`` in a new folder; ``behaviour`` as in BEHAVIOUR."""
    assert behaviour.keys() <= BEHAVIOUR.keys()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "behaviour.json").write_text(json.dumps({**BEHAVIOUR, **behaviour}))
    script = folder / "vllm"
    source = Path(__file__).with_name("fake_vllm.py").read_text()
    # No environment of ours: no site-packages are looked through at its start.
    script.write_text(f"#!{os.path.realpath(sys.executable)} -IS\n{source}")
    script.chmod(0o755)
    return script


def model_folder(folder: Path) -> Path:
    """A folder with all that a model consists of, and hardly a weight."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG))
    (folder / "tokenizer.json").write_text("{}")
    header = json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(16))
    return folder


@dataclass
class Box:
    """The machine of one test."""

    root: Path
    watcher: Watcher
    vllm: Path
    model: Path
    rules: Rules = field(default_factory=lambda: Rules(follow_timeout=30.0))
    audited: list[tuple[str, str, Mapping[str, Any]]] = field(default_factory=list)
    states: list[ActionRun] = field(default_factory=list)
    grace: float = 10.0

    @property
    def servers(self) -> Path:
        """Folder of the records of servers."""
        return servers_folder(self.root / "state")

    def spec(self, name: str = "tiny", **values: Any) -> LaunchSpec:
        """A server on a free port."""
        return LaunchSpec(name, str(self.model), **{"port": free_port(), **values})

    def up(self, spec: LaunchSpec) -> LocalUp:
        """The request that starts it."""
        return LocalUp(Target(LOCAL_SERVER, LOCAL, spec.name), spec)

    def down(self, name: str = "tiny", grace: float | None = None) -> LocalDown:
        """The request that ends it."""
        return LocalDown(Target(LOCAL_SERVER, LOCAL, name), grace)

    def runner(self) -> Runner:
        """Return a runner of actions."""
        executable = str(self.vllm)
        machine = Machine(self.root / "state", os.environ, self.watcher, executable, self.grace, lambda: GpuReading())
        scope = local_scope(os.getuid(), require_reason=False)
        return Runner(LocalExecutor(machine, scope, self.rules), self, changed=self.states.append)

    async def carried_out(self, request: Request) -> tuple[Plan, Outcome]:
        """Planned, confirmed and done."""
        runner = self.runner()
        plan = await runner.executor.plan(request)
        outcome = await runner.wait(runner.start(plan, "", "yes").id)
        await runner.close()
        return plan, outcome

    # actions.running.journal.Audit

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> None:
        self.audited.append((event, action, content))

    def check(self) -> None:
        """Never full."""

    @property
    def said(self) -> list[str]:
        """All messages meanwhile."""
        return [state.latest.text for state in self.states if state.latest is not None]

    @property
    def sent(self) -> list[str]:
        """Return the requests in the audit log."""
        return [f"{content['method']} {content['path']}" for content in self._sendings()]

    @property
    def shared(self) -> set[str]:
        """Names of the shared memory of every server that was started here."""
        started = {content["body"]["id"][:12] for content in self._sendings() if content["method"] == "START"}
        return {file.name for file in SHARED.glob("psm_*") if file.name[4:16] in started}

    def _sendings(self) -> list[Mapping[str, Any]]:
        return [content for event, _, content in self.audited if event == "sending"]

    async def server(self, name: str = "tiny") -> ServerState:
        """The server as it is now."""
        return next(state for state in await self.watcher.poll() if state.name == name)

    async def until(self, reached: Callable[[ServerState], bool], name: str = "tiny") -> ServerState:
        """The server, once it is so."""
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while not reached(state := await self.server(name)):
            assert asyncio.get_running_loop().time() < deadline, f"it never came; it is {state}"
            await asyncio.sleep(0.02)
        return state

    async def loading(self) -> ServerState:
        """Wait for the only server to read its weights, and return it."""
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.watcher.poll()
                if found and found[0].stage.phase is Phase.LOADING:
                    return found[0]
                # Its log is polled: there is nothing else to await.
                await asyncio.sleep(0.02)

    def pid_of(self, name: str) -> int:
        """The process that was started for it."""
        (record,) = (each for each in read_records(self.servers)[0] if each.name == name)
        return record.identity.pid

    def processes(self) -> list[psutil.Process]:
        """Every process that a server on this machine has started."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(SERVER_ID) and process.cwd().startswith(str(self.servers)):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


Open = Callable[..., Awaitable[Box]]
"""Opens a machine of a test, with the behaviour of its vllm."""


@asynccontextmanager
async def a_box(root: Path, **behaviour: Any) -> AsyncIterator[Box]:
    """A machine; all its processes and their shared memory are gone at the end."""
    watcher = Watcher(servers_folder(root / "state"))
    box = Box(root, watcher, fake_vllm(root / "bin", **behaviour), model_folder(root / "model"))
    try:
        yield box
    finally:
        await watcher.close()
        left = box.processes()
        shared = {file.path for process in left for file in _open(process) if Path(file.path).parent == SHARED}
        for process in left:
            process.kill()
        until_ended(left)
        _remove(shared)
        for record in read_records(box.servers)[0]:
            if record.runtime:
                shutil.rmtree(record.runtime, ignore_errors=True)


def _remove(paths: Iterable[str]) -> None:
    for path in paths:
        Path(path).unlink(missing_ok=True)


def _open(process: psutil.Process) -> list[Any]:
    try:
        return list(process.open_files())
    except psutil.Error:
        return []
