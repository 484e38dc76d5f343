"""The log ends of containers that ended with an error, each read once: why they ended.

A log may contain anything. So nothing is read without permission, no more than a tail, never of a healthy container,
and only one line of it is kept, redacted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from fleet.guard import LOGS, permits
from fleet.metrics.server_logs import reason_in
from fleet.model.ending import Ending, Endings, has_ended
from fleet.model.objects import Container, Pod
from fleet.model.problem import NothingToAskError, SourceProblem
from fleet.model.snapshot import CRASH_LOGS
from fleet.sources.kube.errors import ClusterError, ForbiddenError, KubeError, NotFoundError
from fleet.sources.kube.reads import KubeReads
from fleet.sources.polling import PollingSource

EVERY: Final = 10.0
"""Seconds between two checks for ended containers."""
LINES: Final = 200
"""Lines of the end of a log that are read: a traceback of an engine and of its workers."""
BYTES: Final = 256 * 1024
AT_ONCE: Final = 8
"""Logs read per check: if a hundred pods end for one reason, one of these shows it."""
ASKED_AGAIN: Final = 300.0
"""Seconds after which the permission to read logs is checked again."""


class _End(NamedTuple):
    """One end of one container."""

    pod_uid: str
    container: str
    restarts: int


class CrashLogs(PollingSource[Endings]):
    """Reads the logs of the pods in view. ``plain`` removes the secrets from a line."""

    def __init__(
        self, reads: KubeReads, pods: Callable[[], Iterable[Pod]], plain: Callable[[str], str], every: float = EVERY
    ) -> None:
        super().__init__(CRASH_LOGS, every=every, expected=False)
        self._reads = reads
        self._pods = pods
        self._plain = plain
        self._read: dict[_End, Ending] = {}
        self._may: dict[str, tuple[bool, float]] = {}

    async def ask(self) -> Endings:
        if not permits(LOGS):
            raise NothingToAskError("logs are not read in read-only mode", 'The policy can allow it: allow = ["logs"].')
        self.requests = 0
        pods = tuple(self._pods())
        if not pods:
            # Without a request there is no answer: an unreachable API server must not look reachable.
            raise NothingToAskError("no known pod has a readable log")
        ends = {_End(pod.uid, one.name, one.restarts): (pod, one) for pod, one in _ended(pods)}
        self._read = {end: words for end, words in self._read.items() if end in ends}
        unread = [of for end, of in ends.items() if end not in self._read]
        refused: dict[str, None] = {}
        read = 0
        for pod, container in unread:
            if read == AT_ONCE:
                break
            if not await self._may_read(pod.namespace):
                refused[pod.namespace] = None
                continue
            read += 1
            ending = await self._ending(pod, container)
            if ending is not None:
                self._read[_End(*ending[:3])] = Ending(*ending)
        self.notes = tuple(
            f"{one}: logs may not be read, so the reasons why containers end are not known" for one in refused
        )
        return Endings(tuple(self._read.values()))

    async def _may_read(self, namespace: str) -> bool:
        may, asked = self._may.get(namespace, (False, -ASKED_AGAIN))
        if self._clock() - asked < ASKED_AGAIN:
            return may
        self.requests += 1
        try:
            may = (await self._reads.can_i("get", "pods", subresource="log", namespace=namespace)).allowed
        except ClusterError as error:
            raise SourceProblem(error.message, error.remedy) from error
        self._may[namespace] = may, self._clock()
        return may

    async def _ending(self, pod: Pod, container: Container) -> tuple[str, str, int, str, str] | None:
        """The row of an end, by its log; None where that is to be read again."""
        self.requests += 1
        previous = container.state != "terminated"
        lines = self._reads.logs(
            pod.namespace, pod.name, container.name, previous=previous, tail_lines=LINES, limit_bytes=BYTES
        )
        reason = line = ""
        try:
            reason, line = reason_in("\n".join([each async for each in lines]))
        except ForbiddenError:
            self._may[pod.namespace] = False, self._clock()
            return None
        except NotFoundError:
            pass  # The pod, or its log, is gone.
        except ClusterError as error:
            if not isinstance(error, KubeError) or error.status != _NO_SUCH_LOG:
                raise SourceProblem(error.message, error.remedy) from error
        return pod.uid, container.name, container.restarts, reason, self._plain(line)


_NO_SUCH_LOG: Final = 400
"""The answer of an API server about a container that has left no log."""


def _ended(pods: Iterable[Pod]) -> Iterator[tuple[Pod, Container]]:
    """Yield the containers that ended with an error, without another explanation."""
    for pod in pods:
        if pod.ready or pod.deleted is not None:
            continue
        for one in filter(has_ended, pod.containers):
            message = one.message if one.state == "terminated" else one.last_message
            why = one.reason if one.state == "terminated" else one.last_reason
            if why != "OOMKilled" and not reason_in(message)[0]:
                yield pod, one
