"""Assembly of the actions on this machine from the settings. Never imported in read-only mode."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from actions.local.context import local_scope
from actions.local.executor import LocalExecutor
from actions.local.machine import Machine, Reading, Servers, unheard
from actions.request import LOCAL
from actions.running.action_run import ActionRun
from actions.running.runner import Runner
from console.config import paths
from console.config.settings import Settings
from console.wiring.actions import ClusterAuditLog, rules_of
from console.wiring.audit_folder import audit_folder
from fleet.model.snapshot import Cluster, Snapshot


def machine_of(
    settings: Settings,
    environ: Mapping[str, str],
    servers: Servers,
    reading: Reading = unheard,
    asking: Callable[[str], None] = lambda _: None,
) -> Machine:
    """Return this machine as the settings describe it. ``servers``: fleet.local.watch.Watcher."""
    local = settings.local
    return Machine(
        state=paths.state_folder(environ),
        environ=environ,
        servers=servers,
        executable=local.vllm,
        grace=local.grace,
        reading=reading,
        asking=asking,
    )


def local_runner(
    settings: Settings,
    environ: Mapping[str, str],
    servers: Servers,
    changed: Callable[[ActionRun], None] = lambda _: None,
    newest: Callable[[], Snapshot | None] = lambda: None,
    reading: Reading = unheard,
    asking: Callable[[str], None] = lambda _: None,
) -> Runner:
    """Return the runner of actions on the servers on this machine. Call it with a running event loop.

    ``newest`` returns the current Snapshot, if any: that of the context ``local`` shows the effect on a server's users.
    """
    machine = machine_of(settings, environ, servers, reading, asking)
    rules = rules_of(settings)
    cluster = this_machine()
    scope = local_scope(os.getuid(), require_reason=rules.require_reason)

    audit = ClusterAuditLog(audit_folder(settings, environ), lambda: cluster, environ)
    return Runner(LocalExecutor(machine, scope, rules, newest), audit, changed=changed)


def this_machine() -> Cluster:
    """Return this machine as the cluster of its servers."""
    scope = local_scope(os.getuid(), require_reason=False)
    return Cluster(context=scope.context, cluster=LOCAL, server=scope.server, user=scope.user)
