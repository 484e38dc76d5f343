"""Memory that outlives the look at one cluster: its last quarter of an hour, for whoever comes back; the recording."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fleet.snapshot.history import RecentHistory

if TYPE_CHECKING:
    from fleet.model.objects import ClusterId
    from fleet.model.snapshot import Cluster
    from fleet.recorder.protocol import Keeps
    from fleet.recorder.writer import RecordingWriter


class Memory:
    """``record``: the file to which what is seen of clusters goes; None for none."""

    def __init__(self, record: Path | None = None) -> None:
        self._record = record
        self._histories: dict[ClusterId, RecentHistory] = {}

    def history(self, cluster: ClusterId) -> RecentHistory:
        """The same one for the same cluster, looked at as the same user."""
        return self._histories.setdefault(cluster, RecentHistory())

    def keeps(self, cluster: Cluster) -> Keeps | None:
        """Return what writes down what is seen of it. The file is opened at the first tick."""
        record = self._record
        if record is None:
            return None
        from fleet.recorder.keeping import Keeping

        def open_file() -> RecordingWriter:
            from console.wiring.redaction import Redacting
            from fleet.recorder.writer import RecordingWriter

            writer = RecordingWriter(record, Redacting())
            writer.describe(context=cluster.context, server=cluster.server, cluster=cluster.cluster)
            return writer

        return Keeping(open_file)
