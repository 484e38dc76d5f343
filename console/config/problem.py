"""Problems of the configuration: where, what, and how to correct it."""

from __future__ import annotations

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: where, what, and what to do. Never contains a secret."""

    where: str
    """``file:line``, ``environment QUARTERDECK_…`` or a flag."""
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        first = f"{self.where}: {self.what}"
        return f"{first}\n  {self.remedy}" if self.remedy else first


class ConfigError(Exception):
    """The configuration cannot be used; ``problems`` holds at least one."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems
