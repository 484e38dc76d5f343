"""Memory kept between selections of clusters: the last quarter of an hour of each, and their recordings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.config import paths
from fleet.recorder.lazy_recorder import LazyRecorder
from fleet.snapshot.history import RecentHistory

if TYPE_CHECKING:
    from console.config.settings import RecorderSettings
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Cluster
    from fleet.recorder.cluster_recordings import RecordingPolicy
    from fleet.recorder.protocol import Recorder
    from fleet.recorder.thinning import Retention
    from fleet.recorder.writer import RecordingWriter


class Memory:
    """``record``: a further file for clusters, None for none; ``is_bounded``: within the limits of the others."""

    def __init__(
        self,
        settings: RecorderSettings,
        environ: Mapping[str, str],
        record: Path | None = None,
        *,
        is_bounded: bool = False,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._record = record
        self._is_bounded = is_bounded
        self._histories: dict[ClusterId, RecentHistory] = {}

    def history(self, cluster: ClusterId) -> RecentHistory:
        """Return the same history for the same cluster as seen by the same user."""
        return self._histories.setdefault(cluster, RecentHistory())

    def recorder(self, cluster: Cluster) -> Recorder | None:
        """Return the recorder of a cluster. Files are opened when the first numbers are on the screen."""
        if not self._settings.enabled and self._record is None:
            return None
        return LazyRecorder(lambda: self._all_recorders(cluster))

    def _all_recorders(self, cluster: Cluster) -> Recorder:
        from fleet.recorder.file_recorder import RecorderGroup

        found: list[Recorder] = []
        if self._settings.enabled:
            from fleet.recorder.cluster_recordings import ContinuousRecorder

            found.append(ContinuousRecorder(self._keep(), cluster))
        if self._record is not None:
            from fleet.recorder.file_recorder import FileRecorder

            record, bounds = self._record, self._bounds() if self._is_bounded else None
            found.append(FileRecorder(lambda: _writer(record, cluster, bounds)))
        return RecorderGroup(found)

    def _keep(self) -> RecordingPolicy:
        from console.wiring.redaction import Redacting
        from fleet.recorder.cluster_recordings import RecordingPolicy

        return RecordingPolicy(recordings_folder(self._environ), self._bounds(), Redacting)

    def _bounds(self) -> Retention:
        from fleet.recorder.thinning import Retention

        return Retention(self._settings.hours * 3600.0, int(self._settings.size * 2**20))


def recordings_folder(environ: Mapping[str, str]) -> Path:
    """Return the folder of the continuous recordings."""
    return paths.state_folder(environ) / "recordings"


def recording_of(
    settings: RecorderSettings, environ: Mapping[str, str], record: Path | None, cluster: ClusterId
) -> Path | None:
    """Return the file to which a cluster is recorded, whether or not it exists; None if it is not recorded."""
    if not settings.enabled:
        return record
    from fleet.recorder.cluster_recordings import file_of

    return file_of(recordings_folder(environ), cluster.context, cluster.server)


def _writer(record: Path, cluster: Cluster, bounds: Retention | None) -> RecordingWriter:
    from console.wiring.redaction import Redacting
    from fleet.recorder.writer import RecordingWriter

    writer = RecordingWriter(record, Redacting(), bounds)
    writer.describe(context=cluster.context, server=cluster.server, cluster=cluster.cluster)
    return writer
