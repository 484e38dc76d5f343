"""A polled source: a subclass implements the query, and inherits the rest of the contract."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

from fleet.model.facts import Dated
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.snapshot import Health, SourceStatus
from fleet.sources.kube.pace import Backoff, Pace
from fleet.sources.status import StatusKeeper, unforeseen

T = TypeVar("T")


class PollingSource(ABC, Generic[T]):
    """Polls every ``every`` seconds; after consecutive failures less and less often, up to every ``longest`` seconds.

    ``endpoint``, ``notes`` and ``requests`` appear in the status beside the health. ``ask`` sets them if they vary.
    ``expected`` is False for a source that is searched for but not missed.
    """

    def __init__(
        self,
        name: str,
        *,
        every: float,
        longest: float = 60.0,
        endpoint: str = "",
        expected: bool = True,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self._every = every
        self._backoff = Backoff(Pace(first=min(every, longest), longest=longest))
        self.endpoint = endpoint
        """The address that it is reached at, without credentials."""
        self.notes: tuple[str, ...] = ()
        """Minor remarks for the user."""
        self.requests = 1
        """Number of requests sent for the last answer."""
        self.expected = expected
        self._clock = clock
        self._keeper = StatusKeeper(name, Health.STARTING if expected else Health.OFF, clock())
        self._facts: Dated[T] | None = None
        self._hurried = asyncio.Event()
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def ask(self) -> T:
        """Query once. Raises SourceProblem, and NothingToAskError if there is no endpoint, which is not an error.

        Any other exception is a defect and reported as one.
        """

    async def disconnect(self) -> None:
        """Close what ``ask`` holds open; called once, at the end."""

    async def start(self) -> None:
        """Begin to ask. Returns at once."""
        self._task = asyncio.create_task(self._keep_asking(), name=f"ask {self.name}")

    async def close(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.disconnect()

    def refresh(self) -> None:
        """Ask now, also where a question was about to fail."""
        self._hurried.set()

    async def wait_synced(self, timeout: float | None = None) -> bool:  # noqa: ASYNC109 -- the answer is not an error
        """Wait for the first answer, or for why there is none. False where that took longer."""
        try:
            async with asyncio.timeout(timeout):
                await self._asked.wait()
        except TimeoutError:
            return False
        return True

    def statuses(self) -> tuple[SourceStatus, ...]:
        """Return how the last question went."""
        return (self._keeper.status,)

    def facts(self) -> Dated[T] | None:
        """The last answer, however old."""
        return self._facts

    async def _keep_asking(self) -> None:
        while True:
            self._hurried.clear()
            wait = await self._ask_or_say()
            self._asked.set()
            try:
                async with asyncio.timeout(wait):
                    await self._hurried.wait()
            except TimeoutError:
                continue

    async def _ask_or_say(self) -> float:
        """Poll; return the seconds until the next poll."""
        try:
            value = await self.ask()
        except NothingToAskError as nothing:
            return self._off(nothing)
        except SourceProblem as problem:
            return self._failed(problem)
        except Exception as error:  # noqa: BLE001 - whatever it is, the source must say so and be asked again
            return self._failed(unforeseen(error))
        now = self._clock()
        self._backoff.reset()
        last = self._facts
        # Results derived from facts are cached while they are the same object.
        self._facts = Dated(now, last.value if last is not None and last.value == value else value)
        self._report(Health.LIVE)
        return self._every

    def _off(self, nothing: NothingToAskError) -> float:
        self._facts = None
        self._report(Health.OFF, nothing)
        return self._every

    def _failed(self, problem: SourceProblem) -> float:
        self._report(Health.DOWN, problem)
        return max(self._every, self._backoff.wait())

    def _report(self, health: Health, problem: SourceProblem | None = None) -> None:
        self._keeper.report(
            health,
            self._clock(),
            problem=problem.message if problem is not None else "",
            remedy=problem.remedy if problem is not None else "",
            endpoint=self.endpoint,
            notes=self.notes,
            requests=self.requests,
        )
