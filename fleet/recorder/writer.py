"""Writing a recording: at each tick, the changes since the previous one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final, NamedTuple

from fleet.model.facts import Facts
from fleet.model.measurement import Measurement
from fleet.recorder import metrics, objects
from fleet.recorder.facts import FactsWriter, kept_facts, sources_in, written_sources
from fleet.recorder.file import FACTS, LAYOUT, NUMBERS, OBJECTS, RecordingFile
from fleet.recorder.metrics import MeasurementLayout
from fleet.recorder.moment import Moment
from fleet.recorder.objects import ObservedState, Redaction
from fleet.recorder.thinning import Retention, Thinned, thinned, trim

ANEW: Final = 1800.0
"""Seconds after which all objects and facts are written in full: reading a moment never takes more than that."""


_TRIM_EVERY: Final = 60.0
EVERY: Final = 15.0
"""Seconds between measurements that are kept where everything is kept always: as often as a Prometheus measures, and
as the strips have points. The screens may draw more often."""


class RecordingContents(NamedTuple):
    """The contents of a recording."""

    first: float
    """Unix time."""
    size: int
    """Bytes."""
    thinned: tuple[Thinned, ...]


class RecordingWriter:
    """Writes the data of the sources. Not thread-safe. Every method raises RecordingError.

    ``every``: of the measurements within so many seconds only the first is kept; 0 for all.
    """

    def __init__(self, path: Path, redaction: Redaction, bounds: Retention | None = None, every: float = 0.0) -> None:
        self._file = RecordingFile.create(path)
        self._redaction = redaction
        self._bounds = bounds
        self._every = every
        self._slot = -1
        self._looked: ObservedState | None = None
        self._noted: float | None = None
        self._whole_at = 0.0
        self._object_frame: int | None = None
        self._facts = FactsWriter()
        self._facts_frame: int | None = None
        self._sources: frozenset[str] | None = None
        self._measurement: Measurement | None = None
        self._layout: tuple[int, MeasurementLayout] | None = None
        self._trimmed = 0.0

    @property
    def cluster_uid(self) -> str:
        """The cluster that it is of; empty where that is not written down."""
        return self._file.about().get("uid", "")

    @property
    def latest(self) -> float | None:
        """Unix time of the last that is in it; None for an empty one."""
        span = self._file.span()
        return None if span is None else span[1]

    def describe(self, **about: str) -> None:
        """Write metadata."""
        self._file.describe(**about)

    def note(self, moment: Moment, now: float) -> None:
        """Write one tick. Costs next to nothing if nothing changed."""
        looked, measurement = ObservedState(moment.state, moment.statuses, self._noted), moment.measurement
        self._noted = now
        self._name_sources(moment.facts)
        anew = self._looked is None or now - self._whole_at >= ANEW or now < self._whole_at
        with self._file.together():
            self._note_objects(looked, now, anew)
            self._note_facts(moment.facts, now, anew)
            if measurement is not None and measurement is not self._measurement and self._is_due(now):
                self._note_numbers(measurement, now)
                self._measurement = measurement
        if self._bounds is not None and now - self._trimmed >= _TRIM_EVERY:
            self._trimmed = now
            trim(self._file, self._bounds, now)

    def kept(self) -> RecordingContents:
        """Return the current contents; something must have been written before."""
        span = self._file.span()
        return RecordingContents(span[0] if span else 0.0, self._file.size(), thinned(self._file.about()))

    def close(self) -> None:
        """Finish: nothing more is written."""
        self._file.close()

    def _is_due(self, now: float) -> bool:
        slot, last = math.floor(now / self._every) if self._every else -1, self._slot
        self._slot = slot
        return slot != last or not self._every

    def _note_objects(self, looked: ObservedState, now: float, anew: bool) -> None:
        if self._looked is None or anew:
            self._object_frame = self._file.add(OBJECTS, now, objects.whole(looked, self._redaction))
            self._whole_at = now
        else:
            changed = objects.difference(self._looked, looked, self._redaction)
            if changed is None:
                return
            self._object_frame = self._file.add(OBJECTS, now, changed, self._object_frame)
        self._looked = looked

    def _name_sources(self, facts: Facts) -> None:
        """Store the names of fact sources: a replay makes a source for each, before the first one has any facts."""
        if self._sources is None:
            self._sources = frozenset(sources_in(self._file.about()))
        names = self._sources | kept_facts(facts).keys()
        if names != self._sources:
            self._sources = names
            self._file.describe(**written_sources(names))

    def _note_facts(self, facts: Facts, now: float, anew: bool) -> None:
        if anew:
            self._facts_frame = self._file.add(FACTS, now, self._facts.whole(facts))
        elif (changed := self._facts.difference(facts)) is not None:
            self._facts_frame = self._file.add(FACTS, now, changed, self._facts_frame)

    def _note_numbers(self, measurement: Measurement, now: float) -> None:
        layout = metrics.layout_of(measurement)
        if self._layout is None or self._layout[1] != layout:
            self._layout = self._file.add(LAYOUT, now, metrics.pack_layout(layout)), layout
        self._file.add(NUMBERS, now, metrics.pack_numbers(metrics.numbers_of(measurement)), self._layout[0])
