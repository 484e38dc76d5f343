"""Past numbers of one cluster: from its metrics store, else from the continuous recording."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from console.config.settings import Settings
from console.wiring.memory import recordings_folder
from fleet.model.problem import SourceProblem
from fleet.sources.kube.state import KubeState
from fleet.sources.protocol import MetricsSource

if TYPE_CHECKING:
    from fleet.baseline.cache import KnownBaselines
    from fleet.model.baseline import BaselineQuestion, Baselines
    from fleet.model.curve import Curve, CurveQuestion, Series
    from fleet.recorder.curves import RecordedCurves
    from fleet.sources.store import NamedStore


class PastNumbers:
    """Past numbers. Its methods raise SourceProblem; they import what they need on use."""

    def __init__(
        self, settings: Settings, metrics: MetricsSource, state: Callable[[], KubeState], environ: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._metrics = metrics
        self._state = state
        self._environ = environ
        self._curves: RecordedCurves | None = None
        self._known: KnownBaselines | None = None

    async def curve(self, question: CurveQuestion) -> Curve:
        """A quantity over time."""
        from fleet.sources.curves import curve_of_fleet

        try:
            return await curve_of_fleet(await self._metrics.stores(self._state(), time.time()), question)
        except SourceProblem as problem:
            return await self._recorded_curve(question, problem)

    async def baselines(self, question: BaselineQuestion) -> Baselines:
        """Quantities at this hour of other days, or in the last calm hour."""
        from fleet.baseline.cache import KnownBaselines

        if self._known is None:
            self._known = KnownBaselines(self._ask_baselines)
        return await self._known.baselines(question)

    async def _ask_baselines(self, question: BaselineQuestion) -> Baselines:
        from fleet.baseline.from_store import stored

        try:
            of_object = await self._store_of(question.series)
            found = await stored(of_object.store, of_object.within, question)
            if found.of:
                return found
        except SourceProblem as why:
            return await self._recorded_baselines(question, why.message)
        # A recording has the findings of that time, a store only the numbers.
        found = await self._recorded_baselines(
            question, "the metrics store has neither a calm hour of it nor yesterday"
        )
        try:
            return found if found.of else await self._calm_in_store(of_object, question, found)
        except SourceProblem as why:
            return await self._recorded_baselines(question, why.message)

    async def _calm_in_store(self, of_object: NamedStore, question: BaselineQuestion, none: Baselines) -> Baselines:
        from fleet.baseline.calm_hour import calm_in_store

        found = await calm_in_store(of_object.store, of_object.within, question)
        return found if found.of else none

    async def _store_of(self, series: Series) -> NamedStore:
        """Return the store that an object is read from: data on a part of it would not be comparable."""
        stores = await self._metrics.stores(self._state(), time.time())
        if not stores:
            raise SourceProblem("no metrics store answers here", "name one with --prometheus URL")
        read = [one for one in stores if one.name in (series.sources or series.gpu_sources)]
        if len(read) > 1:
            raise SourceProblem(f"it is spread over several stores: {', '.join(one.name for one in read)}")
        return (read or stores)[0]

    async def _recorded_curve(self, question: CurveQuestion, why: SourceProblem) -> Curve:
        """Return a curve from the recording. Raises ``why``, the store's error, if there is none."""
        from fleet.recorder.curves import RecordedCurves
        from fleet.recorder.problem import RecordingError

        if self._curves is None:
            self._curves = RecordedCurves(self._kept())
        try:
            return await asyncio.to_thread(self._curves.curve, question)
        except RecordingError:
            raise why from None

    async def _recorded_baselines(self, question: BaselineQuestion, why: str) -> Baselines:
        from dataclasses import replace

        from fleet.baseline.from_recordings import recorded
        from fleet.model.baseline import Baselines
        from fleet.recorder.problem import RecordingError

        try:
            found = await asyncio.to_thread(recorded, self._kept(), question)
        except RecordingError:
            found = Baselines()
        return replace(found, problem=why)

    def _kept(self) -> Path:
        from fleet.recorder.cluster_recordings import file_of

        here = self._state().cluster
        return file_of(recordings_folder(self._environ), here.context, here.server)
