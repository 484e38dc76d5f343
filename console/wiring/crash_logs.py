"""The source of containers' last log lines, from the settings."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.wiring.redaction import Redacting
from fleet.sources.kube.crash_logs import CrashLogs
from fleet.sources.kube.source import KubernetesSource

if TYPE_CHECKING:
    from console.wiring.facts import InView


def crash_logs(in_view: InView) -> Iterator[CrashLogs]:
    """Yield the source for the selected cluster; none if disabled."""
    objects = in_view.objects
    if in_view.settings.diagnosis.logs and isinstance(objects, KubernetesSource):
        yield CrashLogs(objects.reads, lambda: objects.state().pods.values(), Redacting().text)
