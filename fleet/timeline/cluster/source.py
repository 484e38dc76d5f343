"""The past of a cluster, from its objects: each kind is listed once, page by page, and no page is kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

from fleet.json_fields import Raw, mapping, mappings, text
from fleet.net.bodies import limits
from fleet.sources.kube.client import KubeClient
from fleet.sources.kube.errors import (
    ClusterError,
    ExpiredError,
    ForbiddenError,
    NotFoundError,
)
from fleet.sources.kube.resources import object_path
from fleet.timeline.cluster.registry import witnesses
from fleet.timeline.cluster.witness import AnyWitness, SharedFacts
from fleet.timeline.entry import Entry
from fleet.timeline.source import Gap, SourceTimeline
from fleet.timeline.template import Clean

TURN = 64
"""Objects processed before other tasks of the loop get a turn."""


class ClusterTimeline:
    """A TimelineSource of one cluster. ``namespace`` is the one to search, empty for all.

    If listing all at once is forbidden, ``fallback`` namespaces are read one by one.
    """

    name = "Kubernetes"

    def __init__(self, client: KubeClient, clean: Clean, *, namespace: str = "", fallback: Sequence[str] = ()) -> None:
        self._client = client
        self._clean = clean
        self._namespace = namespace
        self._fallback = tuple(dict.fromkeys(fallback))

    async def read(self, since: float) -> SourceTimeline:
        """Return the entries of all kinds. One kind's object may be created by another's: all are listed first."""
        del since  # Objects themselves say how far back they reach.
        asked, rows = SharedFacts(self._clean), witnesses()
        listed = await asyncio.gather(*(self._take(row, asked) for row in rows))
        entries = await asyncio.to_thread(_make_entries, rows, [taken for taken, _ in listed], asked)
        gaps = tuple(gap for _, gap in listed if gap is not None)
        problems = {gap.problem.partition(": ")[2] for gap in gaps}
        if len(gaps) == len(rows) and len(problems) == 1:
            # One problem, not one per kind.
            gaps = (Gap("what the objects of the cluster tell", problems.pop(), gaps[0].remedy),)
        return SourceTimeline(entries, asked.kin, gaps)

    async def _take(self, row: AnyWitness, asked: SharedFacts) -> tuple[list[Any], Gap | None]:
        taken: list[Any] = []
        try:
            try:
                await self._list(row, self._namespace if row.namespaced else "", asked, taken)
            except ForbiddenError:
                if self._namespace or not row.namespaced or not self._fallback:
                    raise
                for namespace in self._fallback:
                    await self._list(row, namespace, asked, taken)
        except NotFoundError as error:
            return taken, None if row.custom else _gap(row, error)
        except ClusterError as error:
            if row.custom and isinstance(error, ForbiddenError) and not await self._is_served(row):
                return taken, None
            return taken, _gap(row, error)
        return taken, None

    async def _is_served(self, row: AnyWitness) -> bool:
        """True if there is such a kind: the server answers "forbidden" before it checks whether a kind exists."""
        try:
            answer = await self._client.get(f"/apis/{row.group}/{row.version}", limit=limits().kubernetes_list)
        except NotFoundError:
            return False
        except ClusterError:
            return True
        document = answer.json()
        served = mappings(document if isinstance(document, dict) else {}, "resources")
        return any(text(resource, "name") == row.plural for resource in served)

    async def _list(self, row: AnyWitness, namespace: str, asked: SharedFacts, taken: list[Any]) -> None:
        async for items in self._pages(row, namespace):
            for number, raw in enumerate(items, 1):
                taken.append(row.extract(raw, asked))
                if number % TURN == 0:
                    await asyncio.sleep(0)

    async def _pages(self, row: AnyWitness, namespace: str) -> AsyncIterator[list[Raw]]:
        """Page by page; the rest at once where the server forgets sooner than the pages are read."""
        path = object_path(row.group, row.version, row.plural, namespace)
        query = {"limit": str(row.page)}
        while True:
            try:
                answer = await self._client.get(path, query, limit=limits().kubernetes_list)
            except ExpiredError as error:
                if not error.continue_token or "continue" not in query:
                    raise
                # Inconsistent but complete: objects created meanwhile count as now.
                query["continue"] = error.continue_token
                continue
            document = answer.json()
            document = document if isinstance(document, dict) else {}
            items, token = mappings(document, "items"), text(mapping(document, "metadata"), "continue")
            yield items
            if not token or token == query.get("continue") or not items:
                return
            query["continue"] = token


def _make_entries(rows: Sequence[AnyWitness], taken: Sequence[list[Any]], asked: SharedFacts) -> tuple[Entry, ...]:
    """Make the entries, on a thread: hundreds of templates are compared."""
    return tuple(entry for row, some in zip(rows, taken, strict=True) for entry in row.entries(some, asked))


def _gap(row: AnyWitness, error: ClusterError) -> Gap:
    return Gap(row.lost, f"{row.qualified}: {error.message}", error.remedy)
