"""``quarterdeck doctor``."""

from __future__ import annotations

import asyncio
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from actions.local.installation import find_executable, read
from console.cli import exit_codes, interruptible
from console.cli.dispatch import Invocation
from console.cli.one_snapshot import WAIT, any_answered, observe
from console.cli.output import columns, glyphs_of, write_sheet
from console.cli.parser import setting_flags
from console.config.load import from_flags
from console.config.problem import ConfigError
from console.config.settings import Settings
from console.doctor import acting, report
from console.doctor.check import DoctorCheck, DoctorStatus
from console.doctor.local import check_installed, check_machine
from console.doctor.monitoring import check_monitoring
from console.doctor.permissions import PermissionReview, ask, judge
from console.doctor.sources import check_api_server, check_metrics, check_others
from console.doctor.surroundings import check_configuration, check_terminal
from console.report.sheets.sheet import DATA, Sheet, SheetColumn, SheetRow, words
from console.views.alerts import rules_of
from fleet import guard
from fleet.model.snapshot import Snapshot
from widgets.untrusted import untrusted, untrusted_line

if TYPE_CHECKING:
    from fleet.monitoring.faults import Examined
    from fleet.observer import Observer
    from fleet.sources.kube.kubeconfig import Access


def run(invocation: Invocation) -> int:
    """Exit 0 if nothing failed (warnings are not failures), 1 if something did, 3 if nothing was reached."""
    try:
        loaded = invocation.load()
    except ConfigError as error:
        configuration = check_configuration(error, invocation.environ)
        settings = from_flags(setting_flags(invocation.options))
    else:
        configuration, settings = check_configuration(loaded, invocation.environ), loaded.settings
    size = shutil.get_terminal_size()
    interactive = sys.stdin.isatty() and sys.stdout.isatty()
    terminal = check_terminal(
        invocation.environ, sys.stdout.encoding, (size.columns, size.lines), interactive=interactive
    )
    cluster, code = interruptible.run(_cluster(settings, invocation.environ))
    checks = [configuration, terminal, *cluster]
    if form := invocation.options.form:
        write_sheet(form, _sheet(checks), lambda: report.to_json(checks), glyphs_of())
    else:
        for line in report.lines(checks, columns()):
            print(line)
    if code == exit_codes.OK and any(check.verdict is DoctorStatus.FAIL for check in checks):
        return exit_codes.PROBLEM
    return code


async def _cluster(settings: Settings, environ: Mapping[str, str]) -> tuple[list[DoctorCheck], int]:
    """Check everything behind the kubeconfig; permissions are reviewed while the sources start."""
    from console.wiring.contexts import is_machine
    from fleet.sources.kube.errors import KubeconfigError
    from fleet.sources.kube.kubeconfig import load_access

    here = is_machine(settings, settings.cluster.context, environ)
    executable = find_executable(settings.local.vllm, environ)
    found = await asyncio.to_thread(read, executable, environ) if executable else None
    vllm = check_installed(executable, found, wanted=here)
    if here:
        return await _machine(settings, environ, vllm, cpu=found is not None and found.cpu)
    try:
        access = load_access(settings.cluster.kubeconfig or None, settings.cluster.context or None, environ)
    except KubeconfigError as error:
        kubeconfig = DoctorCheck("kubeconfig", DoctorStatus.FAIL, error.message, (), error.remedy)
        snapshot = await observe(settings, WAIT)
        return [kubeconfig, *check_metrics(snapshot, settings), *check_others(snapshot), vllm], _code(snapshot)
    origin = f"context {access.context} in {access.file}" if access.file else "the service account of this pod"
    kubeconfig = DoctorCheck("kubeconfig", DoctorStatus.OK, f"{origin}, for {access.server}")
    namespace = settings.cluster.namespace
    found_of: list[Examined] = []

    async def examined(observing: Observer, snapshot: Snapshot) -> None:
        found_of.append(await _examined(observing, snapshot, settings))

    looking = observe(settings, WAIT, then=examined)
    snapshot, (answer, acts) = await asyncio.gather(looking, _permissions(access, namespace, environ))
    checks = [kubeconfig, check_api_server(snapshot, explained=bool(answer.lacking))]
    if checks[-1].verdict is not DoctorStatus.FAIL:
        user = snapshot.cluster.user
        checks.append(judge(answer, user, namespace))
        checks.append(acting.judge(acts, user, answer.namespace) if acts is not None else acting.read_only())
    monitoring = check_monitoring(found_of[0])
    checks += [*check_metrics(snapshot, settings), *check_others(snapshot), *monitoring, vllm]
    return checks, _code(snapshot)


async def _examined(observing: Observer, snapshot: Snapshot, settings: Settings) -> Examined:
    """Return the examination of rules and targets, made while the sources run."""
    from console.wiring.timeline import of_this_cluster
    from fleet.model.problem import SourceProblem
    from fleet.monitoring.examination import examine
    from fleet.monitoring.faults import Examined

    now = time.time()
    try:
        store = await observing.metrics.store(observing.objects.state(), now)
    except SourceProblem as problem:
        return Examined(now, (), gaps=(problem.message,))
    return await examine(store, rules_of(snapshot), now, of_this_cluster(settings))


async def _machine(
    settings: Settings, environ: Mapping[str, str], vllm: DoctorCheck, *, cpu: bool
) -> tuple[list[DoctorCheck], int]:
    """Check this machine: its vLLM, GPUs and servers, if it is the selected cluster."""
    from console.session.local.watcher import SharedWatcher
    from fleet.local.gpus import read_gpus

    servers = SharedWatcher(settings, environ)
    try:
        states = await servers.poll()
    except OSError:
        # The source reports it: it reads the same folder.
        states = ()
    finally:
        await servers.close()
    snapshot, reading = await asyncio.gather(observe(settings, WAIT), asyncio.to_thread(read_gpus))
    checks = check_machine(snapshot, reading, states, cpu=cpu)
    return [vllm, *checks, *check_others(snapshot)], _code(snapshot)


async def _permissions(
    access: Access, namespace: str, environ: Mapping[str, str]
) -> tuple[PermissionReview, acting.Acting | None]:
    """Return the review of reads, and that of actions; None for the latter in read-only mode."""
    from fleet.sources.kube.client import KubeClient
    from fleet.sources.kube.reads import KubeReads

    client = KubeClient(access, environ=environ)
    try:
        reads = KubeReads(client)
        answer = await ask(reads, namespace, access.namespace)
        return answer, None if guard.is_locked() else await acting.ask(reads, answer.namespace)
    except Exception as error:  # noqa: BLE001 - a doctor who faints at an unknown disease is of no use
        trouble = f"a defect of Quarterdeck, please report it: {error!r}"
        return PermissionReview(trouble=trouble), acting.Acting(trouble=trouble)
    finally:
        await client.close()


def _code(snapshot: Snapshot) -> int:
    return exit_codes.OK if any_answered(snapshot) else exit_codes.UNREACHABLE


def _sheet(checks: Sequence[DoctorCheck]) -> Sheet:
    """A row for each check of the doctor, with its fix below it."""
    columns = (
        SheetColumn("verdict", "VERDICT"), SheetColumn("subject", "CHECK"), SheetColumn("finding", "FINDING", least=20),
        SheetColumn("fix", "", shown=DATA),
    )  # fmt: skip

    def row(check: DoctorCheck) -> SheetRow:
        fix = tuple(f"fix: {untrusted(line)}" for line in check.fix.splitlines())
        cells = (
            words(check.verdict.value),
            words(check.subject),
            words(untrusted_line(check.finding)),
            words(untrusted_line("; ".join(check.fix.splitlines()))),
        )
        return SheetRow(f"{check.subject} {check.finding}", check.subject, cells, fix)

    return Sheet(columns, tuple(map(row, checks)))
