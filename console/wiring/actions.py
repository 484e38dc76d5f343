"""Assembly of the actions from the settings. Never imported in read-only mode."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from actions.alerting import AlertingWriter
from actions.audit.log import AuditLog
from actions.audit.who import Who
from actions.cluster import ClusterExecutor
from actions.planning.freeze import FreezeWindow
from actions.planning.plan import Scope
from actions.planning.plan_context import ClusterContext, LatencyHistory, Rules
from actions.running.action_run import ActionRun
from actions.running.runner import Runner
from actions.running.writer import Writer
from console.config.settings import Settings
from console.views.production import is_production
from console.wiring.alerts import configured_alertmanagers
from console.wiring.audit_folder import audit_folder
from fleet.guard import may_change
from fleet.model.snapshot import Cluster, Snapshot
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.reads import KubeReads
from fleet.sources.kube.source import KubernetesSource


def runner(
    settings: Settings,
    source: KubernetesSource,
    newest: Callable[[], Snapshot],
    changed: Callable[[ActionRun], None] = lambda _: None,
    environ: Mapping[str, str] = os.environ,
    past: LatencyHistory | None = None,
    refresh: Callable[[], None] = lambda: None,
) -> Runner:
    """Return the runner of actions on the source's cluster. Call it with a running event loop.

    ``newest`` returns the newest Snapshot, ``past`` is the history of a Prometheus for pods that may be gone,
    ``refresh`` asks every source at once. The acting user is the source's identity: call ``identify`` before planning.
    Reads go through the source's client, which only allows reads; changes have their own client.
    """
    reads = KubeReads(source.client)
    writer = Writer(KubeClient(source.client.access, guard=may_change, environ=environ))
    alerting = AlertingWriter(writer, list(configured_alertmanagers(settings, environ)), may_change, refresh)
    rules = rules_of(settings, source.client.access.context)

    def context() -> ClusterContext:
        scope = scope_of(settings, source.cluster)
        return ClusterContext(newest(), scope, rules, time.time, reads, writer.dry_run, past)

    audit = ClusterAuditLog(audit_folder(settings, environ), lambda: source.cluster, environ)
    return Runner(ClusterExecutor(context, alerting), audit, changed=changed)


def rules_of(settings: Settings, context: str = "") -> Rules:
    """Return the rules of the settings for actions."""
    actions = settings.actions
    return Rules(
        require_reason=actions.require_reason,
        reason_pattern=actions.reason_pattern,
        drain_deadline=actions.drain_deadline,
        follow_timeout=actions.follow_timeout,
        freezes=tuple(freezes_of(settings, context)),
    )


def freezes_of(settings: Settings, context: str) -> Iterator[FreezeWindow]:
    """Yield the windows of the settings in which nothing is to be changed in a context."""
    for name, one in settings.actions.freezes.items():
        if not one.contexts or any(fnmatchcase(context, pattern) for pattern in one.contexts):
            yield FreezeWindow(
                name, one.begins, one.ends, one.days, one.zone, one.lasts, one.why, one.namespaces, one.blocks
            )


def scope_of(settings: Settings, cluster: Cluster) -> Scope:
    """Return where and as whom, as every confirmation shows it."""
    return Scope(
        context=cluster.context,
        server=cluster.server,
        user=cluster.user,
        production=is_production(settings.cluster.production, cluster.context, cluster.cluster),
        require_reason=rules_of(settings).require_reason,
    )


class ClusterAuditLog:
    """The log, written as the user's identity in the cluster at that moment."""

    def __init__(self, folder: Path, cluster: Callable[[], Cluster], environ: Mapping[str, str]) -> None:
        self._folder = folder
        self._cluster = cluster
        self._environ = environ

    def append(self, event: str, action: str, content: Mapping[str, Any]) -> str:
        return self._log().append(event, action, content)

    def check(self) -> None:
        self._log().check()

    def _log(self) -> AuditLog:
        cluster = self._cluster()
        return AuditLog(self._folder, Who.of_this_process(cluster.user, cluster.groups, self._environ))
