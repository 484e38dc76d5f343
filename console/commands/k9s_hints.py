"""Keys and names familiar from k9s that do nothing here, and the hint shown for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from actions.catalogue import KINDS, spec_of

_READ_ONLY = "in read-only mode nothing is"

HABITS: Mapping[str, str] = {
    "s": "s scales a workload, on the fleet and on its page; use kubectl exec -it for a shell",
    "e": "use kubectl edit for that: every change made here has a plan first",
    "r": "r restarts on the fleet, and drains on the screen of nodes (o)",
    "i": "use kubectl set image for that; b rolls back to an earlier one",
    "c": "c cordons, on the screen of nodes (o)",
    "u": "u uncordons, on the screen of nodes (o)",
    "ctrl+d": "ctrl-d drains pods on the fleet, r drains a node on the screen of nodes (o)",
    "ctrl+k": "nothing is killed without a plan: ctrl-d drains a pod first, r deletes it",
    "ctrl+l": "b lists the revisions of a workload to roll back to",
    "F": "use kubectl port-forward for that",
    "J": "{ goes to the workload of this pod",
    "z": "z undoes the last action, on the fleet, on nodes and on actions",
    "minus": "esc goes back",
    "shift+left": "shift and a letter sort, and so does a click on a column's title; ? lists them",
    "shift+right": "shift and a letter sort, and so does a click on a column's title; ? lists them",
    "ctrl+a": "? lists every command and its key",
    "ctrl+backslash": "esc clears the marks",
    "ctrl+e": "the header is one line and stays",
    "ctrl+s": "quarterdeck snapshot --json > FILE saves the current state",
    "ctrl+w": "right and left scroll to the columns that do not fit",
}
"""Key (Textual's name) → one line. Where a screen binds the key, its own meaning holds."""

_RESOURCES = ": and a name that kubectl takes lists any resource (:svc, :cm, :get NAME); ? has the commands"
_OURS = "kubectl does that: every change made here has a plan first"
_DUMP = "ctrl-s saves a log, ! a ticket; quarterdeck snapshot prints tables"
_SELF = ":sources has who you are to the API server; quarterdeck rbac prints roles"
_FORWARD = "nothing is forwarded here: use kubectl port-forward"
NAMES: Mapping[str, str] = {
    **dict.fromkeys(("alias", "aliases", "a"), _RESOURCES),
    **dict.fromkeys(("screendump", "screendumps", "sd"), _DUMP),
    **dict.fromkeys(("user", "users", "group", "groups"), _SELF),
    **dict.fromkeys(("pf", "portforward", "portforwards", "port-forward"), _FORWARD),
    **dict.fromkeys(("dir", "apply", "edit", "exec", "shell", "sh", "kill", "delete"), _OURS),
    "xray": "there is no tree: enter opens what belongs to a row, o its nodes and GPUs",
    "popeye": "f has what is wrong, :monitoring checks rules and targets; quarterdeck doctor has the rest",
    "helm": ":timeline has Helm's releases, where its Secrets may be listed",
}
"""Name of a command line → one line, where the cluster has no such resource either."""

_OF_K9S: Mapping[str, str] = {
    "e": "edited",
    "i": "changed",
    "ctrl+d": "deleted",
    "ctrl+k": "deleted or drained",
    "ctrl+l": "rolled back",
}
"""Key → what k9s does with it, and this console does elsewhere or not at all."""


def _read_only() -> Iterator[tuple[str, str]]:
    """Yield the keys of changes and their hints for read-only mode, where they do nothing."""
    done = {key: [word] for key, word in _OF_K9S.items()}
    for entry in KINDS:
        spec = spec_of(entry.kind)
        if entry.command and not spec.local:
            for key in spec.keys:
                done.setdefault(key, []).append(spec.done)
    for key, words in done.items():
        yield key, f"{_READ_ONLY} {' or '.join(dict.fromkeys(words))}"
    yield "z", f"{_READ_ONLY} done, so there is nothing to undo"
    yield "t", f"{_READ_ONLY} done, so there are no actions; :audit shows what others did"


READ_ONLY_HABITS: Mapping[str, str] = dict(_read_only())
"""Hints for read-only mode."""


def habit(key: str, *, read_only: bool) -> str | None:
    """Return the hint for an unbound key; None if there is none."""
    return (READ_ONLY_HABITS.get(key) if read_only else None) or HABITS.get(key)
