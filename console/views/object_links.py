"""The objects named in a description, with their positions in the text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from fleet.model.objects import ObjectRef
from fleet.model.snapshot import Snapshot
from widgets.document_view import TextLink

_WORD: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?")
_OWNER: Final = re.compile(r"\b([A-Z][A-Za-z]+)/([a-z0-9][-a-z0-9.]*)")
_LABELLED: Final = re.compile(r"^\s*(Service account|Priority class|Node|Nominated node):\s+([a-z0-9][-a-z0-9.]*)\s*$")
_IN_VOLUMES: Final = re.compile(r"\b(config map|configMap|persistentVolumeClaim) ([a-z0-9][-a-z0-9.]*)")
_KINDS: Final = {
    "Service account": "ServiceAccount",
    "Priority class": "PriorityClass",
    "Node": "Node",
    "Nominated node": "Node",
    "config map": "ConfigMap",
    "configMap": "ConfigMap",
    "persistentVolumeClaim": "PersistentVolumeClaim",
}
_OF_NO_NAMESPACE: Final = frozenset({"Node", "PriorityClass", "PersistentVolume"})
_SHORTEST: Final = 4
"""Characters of a name below which a word is rather a word."""


def named_in(text: str, of: ObjectRef, snapshot: Snapshot) -> list[tuple[TextLink, ObjectRef]]:
    """Return the links of a text, in order; the object itself is not included."""
    known = _known(snapshot, of)
    found: list[tuple[TextLink, ObjectRef]] = []
    for number, line in enumerate(text.splitlines()):
        taken: list[tuple[int, int]] = []
        for start, end, ref in _in_line(line, of, known):
            if (ref.kind, ref.name) != (of.kind, of.name) and not any(a < end and start < b for a, b in taken):
                taken.append((start, end))
                found.append((TextLink(number, start, end), ref))
    return sorted(found)


def _in_line(line: str, of: ObjectRef, known: Mapping[str, ObjectRef]) -> Iterator[tuple[int, int, ObjectRef]]:
    def ref(kind: str, name: str) -> ObjectRef:
        return ObjectRef(kind, "" if kind in _OF_NO_NAMESPACE else of.namespace, name, of.cluster)

    for match in _OWNER.finditer(line):
        yield match.start(), match.end(), ref(match[1], match[2])
    if labelled := _LABELLED.match(line):
        yield labelled.start(2), labelled.end(2), ref(_KINDS[labelled[1]], labelled[2])
    for match in _IN_VOLUMES.finditer(line):
        yield match.start(2), match.end(2), ref(_KINDS[match[1]], match[2])
    for match in _WORD.finditer(line):
        if len(match[0]) >= _SHORTEST and (found := known.get(match[0])) is not None:
            yield match.start(), match.end(), found


def _known(snapshot: Snapshot, of: ObjectRef) -> dict[str, ObjectRef]:
    """Nodes, and the pods and workloads of the namespace, by name."""
    whole = snapshot.everything
    found = {node: snapshot.ref("Node", "", node) for node in whole.nodes}
    for workload in whole.workloads.values():
        if workload.namespace == of.namespace and "-" in workload.name:
            found[workload.name] = snapshot.ref(workload.kind, workload.namespace, workload.name)
    for pod in whole.pods.values():
        if pod.namespace == of.namespace or not of.namespace:
            found[pod.name] = snapshot.ref("Pod", pod.namespace, pod.name)
    return found
