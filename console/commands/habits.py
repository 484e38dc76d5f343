"""Keys that hands know from k9s and that do nothing here: what each is told instead."""

from __future__ import annotations

from collections.abc import Mapping

_READ_ONLY = "in read-only mode nothing is"

HABITS: Mapping[str, str] = {
    "s": "s scales a workload, on the fleet and on its page; kubectl exec -it is for a shell",
    "e": "kubectl edit is for that: what is done here has a plan first",
    "r": "r restarts on the fleet, and drains on the screen of nodes (o)",
    "i": "kubectl set image is for that; b rolls back to an earlier one",
    "c": "c cordons, on the screen of nodes (o)",
    "u": "u uncordons, on the screen of nodes (o)",
    "ctrl+d": "ctrl-d drains pods on the fleet, r drains a node on the screen of nodes (o)",
    "ctrl+k": "nothing is killed without a plan: ctrl-d drains a pod first, r deletes it",
    "ctrl+l": "b lists the revisions of a workload to roll back to",
    "F": "kubectl port-forward is for that",
    "J": "{ goes to the workload of this pod",
    "z": "z takes the last action back, on the fleet, on nodes and on actions",
    "minus": "esc goes back",
    "left_square_bracket": ": and the up key bring back what was typed before",
    "right_square_bracket": ": and the up key bring back what was typed before",
    "shift+left": "shift and a letter sort, and so does a click on the head of a column; ? lists them",
    "shift+right": "shift and a letter sort, and so does a click on the head of a column; ? lists them",
    "ctrl+a": "? lists every command and its key",
    "ctrl+backslash": "esc clears the marks",
    "ctrl+e": "the header is one line and stays",
    "ctrl+s": "quarterdeck snapshot --json > FILE keeps what is known now",
    "ctrl+w": "right and left turn to the columns that do not fit",
}
"""Key (Textual's name) → one line. Where a screen binds the key, its own meaning holds."""

READ_ONLY_HABITS: Mapping[str, str] = {
    "s": f"{_READ_ONLY} scaled",
    "e": f"{_READ_ONLY} edited",
    "r": f"{_READ_ONLY} restarted or drained",
    "i": f"{_READ_ONLY} changed",
    "b": f"{_READ_ONLY} rolled back",
    "c": f"{_READ_ONLY} cordoned",
    "u": f"{_READ_ONLY} uncordoned",
    "ctrl+d": f"{_READ_ONLY} deleted or drained",
    "ctrl+k": f"{_READ_ONLY} deleted",
    "ctrl+l": f"{_READ_ONLY} rolled back",
    "z": f"{_READ_ONLY} done, so there is nothing to undo",
    "t": f"{_READ_ONLY} done, so there are no actions; :audit shows what others did",
}
"""The same where nothing may be changed."""


def habit(key: str, *, read_only: bool) -> str | None:
    """What a key that nothing is bound to is told; None for nothing."""
    return (READ_ONLY_HABITS.get(key) if read_only else None) or HABITS.get(key)
