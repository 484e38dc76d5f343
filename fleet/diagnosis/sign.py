"""Signs: what is looked at to tell a cause, each a small pure function that says what it reads.

A sign holds, does not hold, or is unknown (None) where its input is missing: what is unknown proves nothing.
Those of numbers are in metrics_sign.py, those that compare a replica with its peers in peers.py.
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
    """The quantity whose number it is; None for what is no number."""


class Sign(Protocol[S_contra]):
    """Something that can be seen of an object."""

    @property
    def name(self) -> str:
        """The sign in words, as it holds: ``the kubelet backs off``."""
        ...

    @property
    def reads(self) -> str:
        """The field or the quantity that it looks at."""
        ...

    @property
    def holds(self) -> Callable[[S_contra], bool | None]:
        """Whether it does; None where that is not known."""
        ...

    def seen(self, of: S_contra) -> Iterable[Observation]:
        """Return what it reads of a subject."""
        ...

    def contrary(self, of: S_contra) -> str:
        """Words for what is seen where it does not hold."""
        ...


class SignInWords(Generic[S]):
    """The words of a sign that shows one text of its subject."""

    __slots__ = ()

    def seen(self: _Shows[S], of: S) -> Iterable[Observation]:
        shown = self.shows(of)
        return (Observation(f"{self.name}: {shown}" if shown else self.name),)

    def contrary(self: _Shows[S], of: S) -> str:
        return self.shows(of) or f"not so: {self.name}"


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
    """Text that stands there, in the words of whoever wrote it: a condition's message, an exit code."""
