"""Profiles of the rows of a table of numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from fleet.model.frame import Frame
from fleet.model.profile import CHAT, Profile, WorkloadProfiles


class RowProfiles(NamedTuple):
    """The profiles by which rows of metrics are judged."""

    default: Profile = CHAT
    by_row: Mapping[int, Profile] = {}
    """Row → its profile; rows judged by ``default`` are absent."""
    distinct: tuple[Profile, ...] = (CHAT,)
    """Every profile that some row may have, each once."""

    @staticmethod
    def of(profiles: WorkloadProfiles, frame: Frame, workload_of: Mapping[str, str]) -> RowProfiles:
        """The profiles of the rows of pods."""
        those = profiles.by_workload
        if not those:
            return RowProfiles(profiles.default, {}, (profiles.default,))
        keys = frame.index.items()
        by_row = {row: found for key, row in keys if (found := those.get(workload_of.get(key, "")))}
        distinct = {one.name: one for one in (profiles.default, *by_row.values())}
        return RowProfiles(profiles.default, by_row, tuple(distinct.values()))


ONE_PROFILE = RowProfiles()
