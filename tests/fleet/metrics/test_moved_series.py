"""Series that come and go between answers: moving the known ones and starting from nothing read the same numbers."""

from __future__ import annotations

import math
import random
from array import array
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from functools import partial
from typing import TypeVar

import orjson
import pytest

from fleet.metrics import moved_series
from fleet.metrics.answers import Labels
from fleet.metrics.engine_numbers import EngineNumbers
from fleet.metrics.engine_rows import EngineSeries, Placing
from fleet.metrics.expressions import DIALECT, RESET, STAMP
from fleet.metrics.gpu_answers import Gpus
from fleet.metrics.moved_series import Moved
from fleet.metrics.promql import TAG
from fleet.model.quantity import Quantity
from fleet.sources.prometheus.answer import Answer
from fleet.sources.prometheus.remembered_series import Remembered

T = TypeVar("T")


@pytest.fixture(autouse=True)
def however_many_are_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Accept any share of changed series: in these small fleets each new pod is a tenth of them."""
    monkeypatch.setattr(moved_series, "_FEW", 1)


RATES = (
    "generation_tokens_per_second",
    "prompt_tokens_per_second",
    "requests_per_second",
    "queue_mean_seconds/sum",
    "queue_mean_seconds/count",
    "preemptions_per_second",
)
GAUGES = ("vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc")
CARD = ("DCGM_FI_DEV_GPU_UTIL", "DCGM_FI_DEV_GPU_TEMP", "DCGM_FI_DEV_FB_USED", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS")
PROCESSES, CARDS, STEPS = 12, 24, 40


def answer(series: Iterable[Labels], values: Iterable[float]) -> Answer:
    result = [{"metric": labels, "value": [1_795_220_000, str(v)]} for labels, v in zip(series, values, strict=True)]
    return Answer(orjson.dumps({"status": "success", "data": {"resultType": "vector", "result": result}}))


class Twice:
    """Reads each answer twice: from what is remembered of earlier ones, and from nothing."""

    def __init__(self) -> None:
        self.made = 0
        self._remembered: Remembered[object] = Remembered()

    def read(
        self, found: Answer, against: object, make: Callable[[Iterable[Labels]], T], follow: Callable[[T, Moved], T]
    ) -> tuple[T, T, list[float]]:
        def counted(series: Iterable[Labels]) -> T:
            self.made += 1
            return make(series)

        # What has been read is released.
        again_said = copy(found)
        kept, values = self._remembered.read([found], against, counted, follow)  # type: ignore[arg-type]
        anew, again = Remembered[T]().read([again_said], against, make)
        assert array("d", values).tobytes() == array("d", again).tobytes()
        return kept, anew, values  # type: ignore[return-value]


def numbers(columns: Mapping[Quantity, Iterable[float]]) -> dict[str, list[float | None]]:
    return {
        str(name): [None if math.isnan(v) else v for v in column] for name, column in sorted(columns.items(), key=str)
    }


class Engines:
    """Processes with one rank or two of a model, some of which are scraped by two jobs."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.born = 0
        self.processes: list[list[Labels]] = []
        """Labels of the ranks of each process."""
        self.extra: dict[tuple[str, str], list[Labels]] = {}
        for _ in range(PROCESSES):
            self.come()

    def come(self) -> None:
        self.born += 1
        name = f"p{self.born:03}"
        ranks = self.random.choice((1, 1, 1, 2))
        who = {
            "namespace": "llm",
            "pod": name,
            "instance": f"10.0.0.{self.born}:8000",
            "job": "j",
            "model_name": "chat",
        }
        own: list[Labels] = [{**who, "engine": str(rank)} for rank in range(ranks)]
        if self.random.random() < 0.2:
            own += [{**one, "job": "again"} for one in own]
        self.processes.insert(self.random.randint(0, len(self.processes)), own)

    def go(self) -> None:
        self.processes.remove(self.random.choice(self.processes))

    def odd(self) -> None:
        """One series more, or fewer, of an engine that stays."""
        one = self.random.choice(self.random.choice(self.processes))
        key = one["instance"], one["engine"]
        if self.extra.pop(key, None) is None:
            tag = self.random.choice((RESET, "preemptions_per_second", "queue_mean_seconds/sum"))
            self.extra[key] = [{**self.keyed(one), TAG: tag, "part": "0"}]

    def keyed(self, one: Labels) -> dict[str, str]:
        return {name: one[name] for name in ("namespace", "pod", "instance", "job", "model_name", "engine")}

    def live(self) -> None:
        happens = (self.come, self.come, self.go, self.go, self.odd, self.rename, self.disorder)
        for happen in self.random.sample(happens, self.random.choice((0, 1, 1, 2))):
            happen()
        while len(self.processes) < PROCESSES // 2:
            self.come()

    def disorder(self) -> None:
        self.random.shuffle(self.processes)

    def rename(self) -> None:
        """A model that is called otherwise: all of its process is another."""
        at = self.random.randrange(len(self.processes))
        self.processes[at] = [{**one, "model_name": f"m{self.born}"} for one in self.processes[at]]

    @property
    def placing(self) -> Placing:
        seen = [{**one, TAG: STAMP, DIALECT: "vLLM"} for own in self.processes for one in own]
        # The newest sample is by one job, and now and then by the other.
        stamps = [100.0 + self.random.choice((0, 0, 0, 1)) if one["job"] == "again" else 100.0 for one in seen]
        return EngineSeries(seen).rows([*stamps, math.nan]).placing

    def series(self, key: tuple[str, ...]) -> list[Labels]:
        # In front of all others: of two numbers the first counts.
        out = [one for own in self.extra.values() for one in own]
        ranks = [one for own in self.processes for one in own]
        for tag in RATES:
            for one in ranks:
                named = {name: one[name] for name in key}
                if tag == "requests_per_second" and one["engine"] != "0":
                    # Its ranks do not say theirs: the whole process does.
                    del named["engine"], named["model_name"]
                out.append({**named, TAG: tag})
        out += [{"__name__": name, **{label: one[label] for label in key}} for name in GAUGES for one in ranks]
        return list({orjson.dumps(labels): labels for labels in out}.values())


@pytest.mark.parametrize("seed", range(8))
def test_engines_that_come_and_go_leave_the_numbers_of_the_others_where_they_are(seed: int) -> None:
    fleet, twice = Engines(seed), Twice()
    for _ in range(STEPS):
        fleet.live()
        placing = fleet.placing
        series = fleet.series(placing.key)
        found = answer(series, (fleet.random.choice((0.0, 1.5, math.nan, 7e6)) for _ in series))

        def follow(before: EngineNumbers, where: Moved, placing: Placing = placing) -> EngineNumbers:
            return before.followed(placing, where)

        kept, anew, values = twice.read(found, placing, partial(EngineNumbers, placing), follow)
        ages = array("d", [0.0]) * len(placing.ids)
        (table, means), (table_anew, means_anew) = (one.read(values, ages, {}) for one in (kept, anew))
        assert numbers(table.columns) == numbers(table_anew.columns)
        assert table.reset == table_anew.reset
        for part in (0, 1):
            assert numbers({name: m[part] for name, m in means.items()}) == numbers(
                {name: m[part] for name, m in means_anew.items()}
            )
    assert twice.made < 0.9 * STEPS


class Cards:
    """GPUs that pods get and give back, of which now and then one is told of twice, or tells something less."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.born = 0
        self.cards: list[dict[str, str]] = []
        self.told: dict[str, list[str]] = {}
        self.twice: set[str] = set()
        self.exported = self.random.random() < 0.5
        for _ in range(CARDS):
            self.come()

    def come(self) -> None:
        self.born += 1
        self.cards.append({"UUID": f"GPU-{self.born}", "Hostname": "n1", "gpu": str(self.born), **self.holder()})
        self.told[f"GPU-{self.born}"] = list(CARD)

    def holder(self) -> dict[str, str]:
        pod = f"p{self.random.randint(0, 9)}"
        if self.random.random() < 0.2:
            return {}
        return {"exported_namespace": "llm", "exported_pod": pod} if self.exported else {"namespace": "llm", "pod": pod}

    def go(self) -> None:
        self.cards.remove(self.random.choice(self.cards))

    def held(self) -> None:
        at = self.random.randrange(len(self.cards))
        kept = {name: self.cards[at][name] for name in ("UUID", "Hostname", "gpu")}
        self.cards[at] = {**kept, **self.holder()}

    def disorder(self) -> None:
        self.random.shuffle(self.cards)

    def told_of_twice(self) -> None:
        self.twice ^= {self.random.choice(self.cards)["UUID"]}

    def silent(self) -> None:
        names = self.told[self.random.choice(self.cards)["UUID"]]
        names[:] = self.random.sample(CARD, self.random.randint(0, len(CARD)))

    def live(self) -> None:
        happens = (self.come, self.go, self.held, self.held, self.told_of_twice, self.silent, self.disorder)
        for happen in self.random.sample(happens, self.random.choice((0, 1, 1, 2))):
            happen()
        while len(self.cards) < CARDS // 2:
            self.come()

    @property
    def series(self) -> list[Labels]:
        out: list[Labels] = []
        for card in self.cards:
            out.append({**card, TAG: STAMP})
            if card["UUID"] in self.twice:
                out.append({**card, "gpu": "9", TAG: STAMP})
        for name in CARD:
            for card in self.cards:
                if name in self.told[card["UUID"]]:
                    out.append({"__name__": name, "UUID": card["UUID"]})
                if card["UUID"] in self.twice:
                    out.append({"__name__": name, "UUID": card["UUID"], "GPU_I_ID": ""})
        return out


@pytest.mark.parametrize("seed", range(8))
def test_gpus_that_come_and_go_or_are_held_by_others_leave_the_numbers_of_all_where_they_are(seed: int) -> None:
    fleet, twice = Cards(seed), Twice()
    for _ in range(STEPS):
        fleet.live()
        series = fleet.series
        found = answer(series, (float(fleet.random.choice((0, 1, 4, 77, 1e19))) for _ in series))
        kept, anew, values = twice.read(found, 1, Gpus, lambda before, where: before.followed(where))
        assert kept.ids == anew.ids
        (table, reasons), (table_anew, reasons_anew) = (one.read(values, 1_795_220_000.0) for one in (kept, anew))
        assert numbers(table.columns) == numbers(table_anew.columns)
        assert list(table.ages) == list(table_anew.ages)
        assert reasons == reasons_anew
        assert bool(kept.example) == bool(anew.example)
    assert twice.made < 0.7 * STEPS
