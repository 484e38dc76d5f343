"""The resources that the console watches: where each is, how it becomes a row, and what is lost without it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from fleet.kube.project.fields import Interner, Raw
from fleet.kube.project.pods import project_pod


class Row(Protocol):
    """What every row has."""

    @property
    def key(self) -> str: ...
    @property
    def uid(self) -> str: ...
    @property
    def resource_version(self) -> str: ...


R = TypeVar("R", bound=Row)


@dataclass(frozen=True, slots=True)
class Resource(Generic[R]):
    """One resource of the API."""

    name: str
    """Plural, as in the path and in RBAC rules."""
    group: str
    version: str
    kind: str
    project: Callable[[Raw, Interner], R]
    lost: str
    """What the console cannot show without it."""
    namespaced: bool = True
    optional: bool = False
    """Of a custom resource definition: its absence is nothing to speak of."""
    page: int = 500
    """Objects per page of a list: a page is decoded in one turn of the event loop, so it must stay small in bytes."""
    bound: int | None = None
    """Most rows to keep; the newest by ``newest``."""
    newest: Callable[[R], float] | None = None

    def path(self, namespace: str = "", name: str = "") -> str:
        """The path of the list, or of one object; all namespaces where none is given."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        scope = f"/namespaces/{namespace}" if namespace and self.namespaced else ""
        return f"{root}{scope}/{self.name}" + (f"/{name}" if name else "")

    @property
    def qualified(self) -> str:
        """As in `kubectl auth can-i`: ``pods``, ``deployments.apps``."""
        return f"{self.name}.{self.group}" if self.group else self.name


PODS = Resource("pods", "", "v1", "Pod", project_pod, "the pods, which is everything", page=200)
