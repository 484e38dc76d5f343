"""Worst first, without jumping rows: a row moves if its state changed or its score moved by a margin."""

from __future__ import annotations

from collections.abc import Sequence

from fleet.model.severity import Severity

RANKS = {severity: rank for rank, severity in enumerate(Severity)}
"""The order in which severities are listed, worst first."""


class WorstFirst:
    """Keeps for each row the score that it is ordered by, until the real one differs from it by more than ``margin``.

    So the order of a tick is total (no cycles) and yet small changes move nothing. ``margin`` is relative (0.2: a fifth
    of the larger of the two), with ``floor`` as the smallest difference that counts, in the unit of the score.

    Rows come as columns: thousands of them are ordered between two frames, and tests on a whole column (nothing in it
    moved) replace tests on each row.
    """

    def __init__(self, margin: float = 0.2, floor: float = 1.0) -> None:
        self._share = 1.0 - margin
        self._floor = floor
        self._keys: Sequence[str] = ()
        self._by_name: list[int] = []
        """Positions in the keys, by name: the order of equally bad rows."""
        self._severities: Sequence[Severity] = ()
        self._ranks: list[int] = []
        self._held: list[float] = []
        self._order: Sequence[str] = ()
        self._behind: frozenset[str] = frozenset()
        self.sorted = 0
        """Number of sorts so far: tests count what a tick costs."""

    def order(
        self,
        keys: Sequence[str],
        severities: Sequence[Severity],
        scores: Sequence[float],
        behind: frozenset[str] = frozenset(),
    ) -> Sequence[str]:
        """The keys, worst first: by severity, then score (the higher the worse), then name; columns of one length.

        Those in ``behind`` come after the others of their severity.
        Scores are not negative, and none is NaN. Remembers no more than it needs for these rows, and gives the same
        object again where nothing moved.
        """
        same_rows = keys is self._keys or keys == self._keys
        held = self._settled(keys, severities, scores, same=same_rows)
        same = same_rows and behind == self._behind
        if same and held == self._held and severities == self._severities:
            return self._order
        if not same_rows:
            self._by_name = sorted(range(len(keys)), key=keys.__getitem__)
        if severities is not self._severities:
            self._ranks = [RANKS[severity] for severity in severities]
        self._keys, self._severities, self._held, self._behind = keys, severities, held, behind
        self.sorted += 1
        # Sorting is stable: by the last criterion first, each time by a column of plain numbers.
        positions = sorted(self._by_name, key=held.__getitem__, reverse=True)
        if behind:
            positions.sort(key=[key in behind for key in keys].__getitem__)
        positions.sort(key=self._ranks.__getitem__)
        self._order = [keys[position] for position in positions]
        return self._order

    def _settled(
        self, keys: Sequence[str], severities: Sequence[Severity], scores: Sequence[float], *, same: bool
    ) -> list[float]:
        """Return the scores to order by: the held ones while the new ones are close and the state is unchanged."""
        states, before = self._severities, self._held
        if not same:
            known = dict(zip(self._keys, zip(states, before, strict=True), strict=True))
            # A new row stays where it is.
            rows = [known.get(row[0], row[1:]) for row in zip(keys, severities, scores, strict=True)]
            states, before = [row[0] for row in rows], [row[1] for row in rows]
        floor, share = self._floor, self._share
        # Near means: apart by at most the floor, or the smaller at least the given share of the larger.
        return [
            held
            if state is severity
            and (score - held <= floor or share * score <= held)
            and (held - score <= floor or share * held <= score)
            else score
            for severity, score, state, held in zip(severities, scores, states, before, strict=True)
        ]
