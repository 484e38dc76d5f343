"""Versions of a workload that run side by side, and the difference of the newest from the previous one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from console.views.kube_object import version_lines
from console.views.layout import head, labelled, packed, pairs, wrapped
from fleet.dataclass import dataclass
from fleet.kinds.registry import grouping
from fleet.model.objects import ModelVersion, Pod, Workload, revision_of
from themes.palette import Role
from widgets.line import Line, Span
from widgets.untrusted import untrusted
from widgets.values import age_text

_SHORT = 19
"""Characters of a digest that identify it: ``sha256:`` and twelve."""


@dataclass(frozen=True, slots=True)
class Running:
    """The pods of one template."""

    template: str
    pods: tuple[Pod, ...]

    @property
    def version(self) -> ModelVersion:
        """Version that they run: that of a leader, whose command names the model."""
        return next((pod.version for pod in self.pods if pod.version.model), self.pods[0].version)

    @property
    def digests(self) -> tuple[str, ...]:
        """Digests of the images that have started: more than one where a tag was moved between two starts."""
        return tuple(dict.fromkeys(pod.version.digest for pod in self.pods if pod.version.digest))

    @property
    def newest(self) -> float:
        """Creation of the youngest of them, Unix seconds."""
        return max(pod.created for pod in self.pods)


def running(pods: Sequence[Pod]) -> list[Running]:
    """Return the pods by template, the newest first. Pods without a label for it are grouped by version."""
    by_template = sorted((pod for pod in pods if pod.deleted is None), key=_template)
    found = [Running(template, tuple(group)) for template, group in groupby(by_template, key=_template)]
    return sorted(found, key=lambda version: -version.newest)


def _template(pod: Pod) -> str:
    kind = grouping(pod.labels)
    of_group = pod.labels.get(kind.replica.revision) if kind is not None and kind.replica is not None else None
    return of_group or revision_of(pod) or f"{pod.version.image} {pod.version.revision}"


def differences(new: Pod, old: Pod) -> Iterator[tuple[str, str, str]]:
    """Yield (what, before, now) of image, digest and arguments; empty if only one has it."""
    before, now = _facts(old), _facts(new)
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            yield name, before.get(name, ""), now.get(name, "")


def _facts(pod: Pod) -> dict[str, str]:
    facts: dict[str, str] = {}
    if pod.version.image:
        facts["image"] = pod.version.image
    if pod.version.digest:
        facts["digest"] = pod.version.digest[:_SHORT]
    for container in pod.containers:
        if not container.init:
            facts |= _arguments(container.command)
    return facts


def _arguments(command: Sequence[str]) -> dict[str, str]:
    """Return ``--flag value``, ``--flag=value`` and ``--flag`` by flag; other words as themselves."""
    out: dict[str, str] = {}
    flag = ""
    for word in command:
        if word.startswith("-"):
            name, equals, value = word.partition("=")
            out[name] = value if equals else "set"
            flag = "" if equals else name
        else:
            out[flag or word] = word if flag else "set"
            flag = ""
    return out


def workload_version_lines(workload: Workload, pods: Sequence[Pod], now: float, width: int) -> list[Line]:
    """Return the requested and the running version; while two versions run: the number of each, and the differences."""
    versions = running(pods)
    if len(versions) < 2:
        return _one_version(workload, versions, width)
    lines = [head("versions", f"{len(versions)} run side by side, newest first")]
    for version in versions:
        lines += packed(untrusted(version.template), _row(version, now), width)
    new, old = (_most_telling(version) for version in versions[:2])
    found = list(differences(new, old))
    for i, (what, before, after) in enumerate(found):
        change = f"{before} → {after}" if before and after else f"{after} (new)" if after else f"{before} (gone)"
        lines.append(
            labelled("" if i else "differs", *pairs([(untrusted(what), Span(untrusted(change), Role.WARNING))]))
        )
    if not found:
        lines += wrapped("differs", "not in image or arguments: y shows the rest of the template", width, Role.DIM)
    return lines


def _most_telling(version: Running) -> Pod:
    """Return the most informative pod: one that names its model, and whose digest is known."""
    return max(version.pods, key=lambda pod: (bool(pod.version.model), bool(pod.version.digest)))


def _row(version: Running, now: float) -> Iterator[tuple[str, Span]]:
    ready, count = sum(pod.ready for pod in version.pods), len(version.pods)
    yield "ready", Span(f"{ready}/{count}", Role.TEXT if ready == count else Role.WARNING)
    yield "image", Span(untrusted(version.version.image.rpartition("/")[2]))
    if version.version.model:
        yield "revision", _revision(version.version)
    if version.digests:
        more = f" and {len(version.digests) - 1} more" if len(version.digests) > 1 else ""
        yield "digest", Span(untrusted(version.digests[0][:_SHORT]) + more, Role.WARNING if more else Role.DIM)
    yield "youngest", Span(age_text(now - version.newest), Role.DIM)


def _revision(version: ModelVersion) -> Span:
    return Span(untrusted(version.revision)) if version.revision else Span("unpinned", Role.WARNING)


def _one_version(workload: Workload, versions: Sequence[Running], width: int) -> list[Line]:
    """The template's version with the digests that its pods have proved."""
    digests: Mapping[str, None] = dict.fromkeys(digest for version in versions for digest in version.digests)
    lines = version_lines(workload.version, " · ".join(digests), width)
    if len(digests) > 1:
        lines += wrapped("", "one tag, several images: the tag was moved between two starts", width, Role.WARNING)
    return lines
