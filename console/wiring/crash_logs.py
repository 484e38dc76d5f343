"""The source of what containers wrote before they ended, as the settings say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from console.wiring.redaction import Redacting
from fleet.sources.kube.crash_logs import CrashLogs
from fleet.sources.kube.source import KubernetesSource

if TYPE_CHECKING:
    from console.wiring.facts import InView


def crash_logs(in_view: InView) -> Iterator[CrashLogs]:
    """The one of the cluster in view; none where nobody wants it."""
    objects = in_view.objects
    if in_view.settings.diagnosis.logs and isinstance(objects, KubernetesSource):
        yield CrashLogs(objects.reads, lambda: objects.state().pods.values(), Redacting().text)
