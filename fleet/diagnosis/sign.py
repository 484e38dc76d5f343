"""Signs: the observations that show a cause, each a small pure function that names what it reads.

A sign holds, does not hold, or is unknown (None) if its input is missing: an unknown sign proves nothing. Signs of
metrics are in metrics_sign.py, comparisons of a replica with its peers in peers.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Generic, NamedTuple, Protocol, TypeVar

from fleet.dataclass import dataclass
from fleet.model.quantity import Quantity

S_contra = TypeVar("S_contra", contravariant=True)
S = TypeVar("S")


class Observation(NamedTuple):
    """One thing that a sign reads of its subject, in words."""

    text: str
    quantity: Quantity | None = None
    """The quantity that was read; None if it is not a number."""


class Sign(Protocol[S_contra]):
    """Something that can be seen of an object."""

    @property
    def name(self) -> str:
        """The sign in words, as it holds: ``the kubelet backs off``."""
        ...

    @property
    def reads(self) -> str:
        """The field or quantity that it reads."""
        ...

    @property
    def holds(self) -> Callable[[S_contra], bool | None]:
        """True if it holds; None if that is unknown."""
        ...

    def observations(self, of: S_contra) -> Iterable[Observation]:
        """Return what it reads of a subject."""
        ...

    def contrary(self, of: S_contra) -> str:
        """Return words for the observation that contradicts it."""
        ...


class SignInWords(Generic[S]):
    """The words of a sign that shows one text of its subject."""

    __slots__ = ()

    def observations(self: _Shows[S], of: S) -> Iterable[Observation]:
        shown = self.shows(of)
        return (Observation(f"{self.name}: {shown}" if shown else self.name),)

    def contrary(self: _Shows[S], of: S) -> str:
        return self.shows(of) or f"not true: {self.name}"


class _Shows(Protocol[S_contra]):
    @property
    def name(self) -> str: ...
    @property
    def shows(self) -> Callable[[S_contra], str]: ...


@dataclass(frozen=True, slots=True)
class Fact(SignInWords[S]):
    """A sign of an object of Kubernetes, by its row."""

    name: str
    reads: str
    holds: Callable[[S], bool | None]
    shows: Callable[[S], str] = lambda _: ""
    """The text as its author wrote it: a condition's message, an exit code."""
