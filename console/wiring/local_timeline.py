"""The sources of the past of this machine. Imported on request."""

from __future__ import annotations

from collections.abc import Mapping

from actions.audit.timeline import AuditTimeline
from actions.request import LOCAL_SERVER
from console.config.settings import Settings
from console.wiring.audit_folder import audit_logs
from fleet.local.source import LocalSource
from fleet.timeline.local import LocalTimeline
from fleet.timeline.source import TimelineSource


def local_timeline_sources(
    settings: Settings, environ: Mapping[str, str], source: LocalSource
) -> tuple[TimelineSource, ...]:
    """Return the servers themselves, and the log of actions on them; ``settings`` are those for this machine."""
    audit = AuditTimeline(audit_logs(settings, environ), source.state().cluster.id)
    return LocalTimeline(lambda: source.servers, source.host, LOCAL_SERVER), audit
