"""The local machine as a cluster: the vLLM that would be started, its GPUs, its servers. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from actions.local.machine import Installed
from console.doctor.check import DoctorCheck, DoctorStatus
from fleet.local.fit.memory import gib
from fleet.local.gpus import GpuReading
from fleet.local.kube_rows import status
from fleet.local.server import Phase, ServerState
from fleet.model.snapshot import Health, Snapshot

INSTALL = "pip install 'quarterdeck[local]'    # or name the one to use: local.vllm in the configuration"


def check_installed(executable: str, found: Installed | None, *, wanted: bool) -> DoctorCheck:
    """Return the check of this machine's vLLM.

    ``executable`` is where it is, empty for nowhere, ``found`` what its files show. ``wanted``: this machine is
    selected, so a missing one is worth a warning.
    """
    if not executable:
        verdict = DoctorStatus.WARN if wanted else DoctorStatus.OK
        return DoctorCheck("vLLM here", verdict, "not installed: no server can be started on this machine", (), INSTALL)
    if found is None:
        return DoctorCheck(
            "vLLM here", DoctorStatus.OK, f"{executable}; its version is checked when a server is planned"
        )
    kind = ", for the CPU" if found.cpu else ""
    lacks = (
        (not found.drains, "it cannot finish running requests by itself: down waits until it is idle"),
        (not found.benches, "it has no vllm bench serve: benchmarks are not possible"),
    )
    return DoctorCheck(
        "vLLM here", DoctorStatus.OK, f"{found.version}{kind}, {executable}", tuple(t for so, t in lacks if so)
    )


def check_machine(
    snapshot: Snapshot, reading: GpuReading, servers: Sequence[ServerState], *, cpu: bool
) -> Iterator[DoctorCheck]:
    """Yield the checks of GPUs and servers; ``cpu``: the vLLM here runs on the CPU, whatever GPUs exist."""
    yield _gpus(reading, cpu=cpu)
    source = snapshot.of_objects
    if source is not None and source.health is Health.DOWN:
        yield DoctorCheck("servers", DoctorStatus.FAIL, source.problem, (), source.remedy)
        return
    yield _servers(servers, source.notes if source is not None else ())
    scrape = snapshot.source("scrape")
    if scrape is not None and any(state.stage.phase is Phase.READY for state in servers):
        live = scrape.health is Health.LIVE
        text = f"through {scrape.endpoint}" if live else scrape.problem or scrape.health.value
        yield DoctorCheck("metrics", DoctorStatus.OK if live else DoctorStatus.WARN, text, scrape.notes, scrape.remedy)


def _gpus(reading: GpuReading, *, cpu: bool) -> DoctorCheck:
    if reading.gpus:
        versions = f", driver {reading.driver}, CUDA {reading.cuda} at most" if reading.driver else ""
        details = tuple(f"GPU {gpu.index}: {gpu.name}, {gib(gpu.memory_free)} free" for gpu in reading.gpus)
        unused = "; the vLLM here is for the CPU and uses none" if cpu else ""
        return DoctorCheck(
            "GPUs", DoctorStatus.WARN if cpu else DoctorStatus.OK, f"{len(reading.gpus)}{versions}{unused}", details
        )
    if cpu:
        return DoctorCheck("GPUs", DoctorStatus.OK, f"{reading.problem or 'none'}; the vLLM here needs none")
    return DoctorCheck("GPUs", DoctorStatus.WARN, reading.problem or "none on this machine", (), reading.remedy)


def _servers(servers: Sequence[ServerState], notes: tuple[str, ...]) -> DoctorCheck:
    dead = [state for state in servers if not state.alive]
    details = (*(f"{state.name}: {_server_text(state)}" for state in servers), *notes)
    fix = "\n".join(f"quarterdeck local down {state.name}" for state in dead)
    if not servers:
        return DoctorCheck("servers", DoctorStatus.WARN if notes else DoctorStatus.OK, "none", notes)
    finding = f"{len(servers)}, {len(servers) - len(dead)} of them running"
    return DoctorCheck("servers", DoctorStatus.WARN if dead or notes else DoctorStatus.OK, finding, details, fix)


def _server_text(state: ServerState) -> str:
    if state.reason is not None and state.reason.remedy:
        return f"{status(state)}; {state.reason.remedy}"
    return f"{status(state)}, {state.record.spec.url}"
