"""A recording in place of a cluster: the console on the past, with nothing that could act."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.config.settings import Settings
from console.wiring.memory import recordings_folder
from console.wiring.recorded_connection import RecordedConnection, name_of
from console.wiring.session import SettingsWiring
from fleet.recorder.cluster_recordings import file_of
from fleet.recorder.playback import Playback, RecordedObjects
from fleet.recorder.problem import RecordingError
from fleet.recorder.reader import Recording
from fleet.sources.kube.errors import KubeconfigError
from fleet.sources.kube.kubeconfig import load_access

if TYPE_CHECKING:
    from console.session.connection import Connection, PastConnection
    from console.session.context_facts import ContextFacts
    from fleet.model.objects import ClusterId


class RecordedWiring(SettingsWiring):
    """``path`` is a recording that can be read; ``at`` is a Unix time in it."""

    def __init__(self, settings: Settings, environ: Mapping[str, str], path: Path, at: float, speed: float) -> None:
        super().__init__(settings, settings, environ)
        self._refresh = settings.ui.refresh
        self._path = path
        self._at = at
        self._speed = speed

    def connect(self, context: str, namespace: str) -> Connection:
        del context
        # Opened each time: leaving it closes it.
        playback = Playback(Recording(self._path), self._at, self._speed)
        return RecordedConnection(playback, RecordedObjects(playback, namespace), self._refresh, self.keep)

    def past(self, cluster: ClusterId, namespace: str, at: float) -> PastConnection:
        del cluster
        from console.wiring.past import connect_past

        return connect_past(self._path, at, namespace, self.keep)

    def contexts(self) -> tuple[str, ...]:
        return (name_of(self._path),)

    def about_contexts(self) -> Mapping[str, ContextFacts]:
        return {}

    def leads_somewhere(self, context: str) -> bool:
        return context in ("", *self.contexts())

    def check(self, context: str) -> None:
        if not self.leads_somewhere(context):
            raise KubeconfigError(f"no context {context!r} in a recording", f"There is: {self.contexts()[0]}.")


def kept_file(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the continuous recording of the context in the settings. Raises RecordingError if there is none."""
    try:
        access = load_access(settings.cluster.kubeconfig or None, settings.cluster.context or None, environ)
    except KubeconfigError as error:
        raise RecordingError(error.message, error.remedy) from None
    file = file_of(recordings_folder(environ), access.context, access.server)
    if not file.exists():
        raise RecordingError(f"there is no recording of {access.context} yet", "The console records what it sees.")
    return file
