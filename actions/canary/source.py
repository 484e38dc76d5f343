"""The source of the canary's answers: whom it asks, how often, and which answers are not as their peers'.

One question to each engine every so many seconds, a few at a time. It asks engines at their own addresses, never
through the API server: that is no road for prompts.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase
from typing import Final, NamedTuple, Protocol

from actions.canary.question import CanaryReply, CanaryTarget, ask_one_token
from fleet.dataclass import dataclass
from fleet.metrics.pod_roles import runs_engine
from fleet.model.canary import CanaryAnswer, CanaryAnswers, CanaryOutcome
from fleet.model.counting import count
from fleet.model.objects import Pod, revision_of
from fleet.model.problem import NothingToAskError
from fleet.model.snapshot import CANARY
from fleet.sources.kube.owners import ownership
from fleet.sources.kube.state import KubeState
from fleet.sources.polling import PollingSource
from fleet.sources.scrape.targets import Endpoint, endpoints

FIRST: Final = 10.0
"""Seconds from the start to the first question."""
AT_ONCE: Final = 4
"""Questions under way at a time, however many engines there are."""
PEERS: Final = 3
"""Engines of a revision that must have answered before one can be the odd one out: with two, either could be wrong."""
AGREE: Final = 2 / 3
"""Share of them that must have answered the same: batching alone can tip a near tie either way."""
_CAME_TO_NOTHING: Final = frozenset({CanaryOutcome.SILENT, CanaryOutcome.FAILED})
_NAMED: Final = 5


class AsksOneToken(Protocol):
    """Puts one question; ``ask_one_token`` does."""

    async def __call__(self, place: CanaryTarget, prompt: str, timeout: float, /) -> CanaryReply: ...  # noqa: ASYNC109


@dataclass(frozen=True, slots=True)
class CanaryPlan:
    """Settings of the canary: the engines that it asks, and the question."""

    workloads: tuple[str, ...]
    """``namespace/name`` of workloads, as shell patterns."""
    prompt: str
    every: float
    """Seconds between two questions to one engine."""
    timeout: float
    ports: tuple[int, ...] = (8000,)
    gateways: Mapping[str, Callable[[], CanaryTarget]] = field(default_factory=dict)
    """``namespace/name`` of a workload → its gateway; without a model, the workload's model is requested."""


class _Asked(NamedTuple):
    """An engine that is asked."""

    pod: Pod
    workload: str
    place: CanaryTarget


class CanarySource(PollingSource[CanaryAnswers]):
    """Asks each engine of the workloads once in ``every`` seconds. ``key_of`` gives the bearer token for an engine."""

    def __init__(
        self,
        plan: CanaryPlan,
        state: Callable[[], KubeState],
        key_of: Callable[[Endpoint], str] = lambda _: "",
        ask: AsksOneToken = ask_one_token,
        first: float = FIRST,
    ) -> None:
        super().__init__(CANARY, every=plan.every, endpoint=", ".join(plan.workloads), expected=False)
        self._plan = plan
        self._state = state
        self._key_of = key_of
        self._ask_one = ask
        self._first = first
        self._before: dict[str, CanaryAnswer] = {}
        self._total = 0
        self._room = asyncio.Semaphore(AT_ONCE)

    async def _keep_asking(self) -> None:
        # Nothing waits for it, so a one-shot command exits without having sent a prompt.
        self._asked.set()
        await asyncio.sleep(self._first)
        await super()._keep_asking()

    def refresh(self) -> None:
        """Do nothing: however often a person asks for new numbers, the engines are asked no more often."""

    async def ask(self) -> CanaryAnswers:
        state = self._state()
        if not state.pods:
            raise NothingToAskError("no known pod can be queried")
        # Joining the owners of thousands of pods must not delay everything else.
        asked, unasked = await asyncio.to_thread(self._chosen, state)
        if not asked:
            why = f": {unasked[0]}" if unasked else ""
            raise NothingToAskError(
                f"canary.workloads matches no ready engine{why}", "see [canary] in docs/configuration.md"
            )
        self.requests = len(asked)
        direct = await asyncio.gather(*(self._answer(one.pod.key, one.place) for one in asked))
        direct = _compared(asked, direct, self._before)
        # Their keys are in files.
        gateways = await asyncio.to_thread(list, self._through(asked))
        through = await asyncio.gather(*(self._answer(key, place) for key, place in gateways))
        self.requests += len(through)
        self._total += self.requests
        self._before = {one.key: one for one in (*direct, *through)}
        answered = sum(one.outcome is CanaryOutcome.ANSWERED for one in direct)
        summary = f"{answered} of {count(len(direct), 'engine')} answered; {count(self._total, 'question')} so far"
        self.notes = (summary, *unasked[:_NAMED], *(f"{one.key}: {one.problem}" for one in direct if one.problem))
        return CanaryAnswers(tuple(direct), tuple(through))

    def _chosen(self, state: KubeState) -> tuple[list[_Asked], list[str]]:
        """The engines that are asked, and why others of these workloads are not."""
        workload_of = ownership(state.pods, state.links, state.workloads).workload_of
        asked, unasked = [], []
        for key, pod in state.pods.items():
            workload = _short(workload_of.get(key, ""))
            if not pod.ready or pod.deleted is not None or not runs_engine(pod):
                continue
            if not any(fnmatchcase(workload, pattern) for pattern in self._plan.workloads):
                continue
            model = pod.version.served_name or pod.version.model
            found = endpoints((pod,), self._plan.ports, "/metrics")
            problem = _problem(found, model)
            if problem:
                unasked.append(f"{key}: {problem}")
            else:
                place = CanaryTarget(f"http://{found[0].address}", model, self._key_of(found[0]))
                asked.append(_Asked(pod, workload_of[key], place))
        return asked, unasked

    def _through(self, asked: Sequence[_Asked]) -> Iterator[tuple[str, CanaryTarget]]:
        """Yield the workloads with a gateway, and where that is."""
        model_of = {one.workload: one.place.model for one in asked}
        for workload, model in model_of.items():
            gateway = self._plan.gateways.get(_short(workload))
            if gateway is not None:
                place = gateway()
                yield workload, place if place.model else replace(place, model=model)

    async def _answer(self, key: str, place: CanaryTarget) -> CanaryAnswer:
        async with self._room:
            at = self._clock()
            heard = await self._ask_one(place, self._plan.prompt, self._plan.timeout)
        before = self._before.get(key)
        failed = heard.outcome in _CAME_TO_NOTHING
        failures = (before.failures if before is not None else 0) + 1 if failed else 0
        return CanaryAnswer(key, at, heard.outcome, heard.seconds, heard.text, heard.problem, failures)


def _short(workload: str) -> str:
    """``serving/chat-8b`` of ``serving/Deployment/chat-8b``."""
    namespace, _, rest = workload.partition("/")
    return f"{namespace}/{rest.rpartition('/')[2]}"


def _problem(found: Sequence[Endpoint], model: str) -> str:
    if not found or found[0].problem:
        return found[0].problem if found else "it has no address yet"
    if found[0].tls:
        return "it uses TLS, and no certificate covers a pod's address: the canary does not query it"
    return "" if model else "the name of its model is not known"


def _compared(
    asked: Sequence[_Asked], answers: Sequence[CanaryAnswer], before: Mapping[str, CanaryAnswer]
) -> list[CanaryAnswer]:
    """The answers, each held against those of its peers of the same workload and revision."""
    counts: dict[tuple[str, str], Counter[str]] = {}
    for one, answer in zip(asked, answers, strict=True):
        if answer.outcome is CanaryOutcome.ANSWERED:
            counts.setdefault((one.workload, revision_of(one.pod)), Counter())[answer.said] += 1
    found = []
    for one, answer in zip(asked, answers, strict=True):
        counted = counts.get((one.workload, revision_of(one.pod)), Counter())
        usual, most = next(iter(counted.most_common(1)), ("", 0))
        known = counted.total() >= PEERS and most >= AGREE * counted.total()
        if answer.outcome is CanaryOutcome.ANSWERED and known and answer.said != usual:
            last = before.get(answer.key)
            answer = replace(answer, usual=usual, odd=(last.odd if last is not None else 0) + 1)
        found.append(answer)
    return found
