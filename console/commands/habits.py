"""Keys that hands know from k9s and that do nothing here: what each is told instead."""

from __future__ import annotations

from collections.abc import Mapping

_READS = "this console only reads; kubectl"

HABITS: Mapping[str, str] = {
    "s": f"{_READS} scale or kubectl exec -it is for that",
    "e": f"{_READS} edit is for that",
    "r": f"{_READS} rollout restart or kubectl drain is for that",
    "i": f"{_READS} set image is for that",
    "u": f"{_READS} uncordon is for that",
    "ctrl+d": f"{_READS} delete is for that",
    "ctrl+k": f"{_READS} delete is for that",
    "ctrl+l": f"{_READS} rollout undo is for that",
    "F": "kubectl port-forward is for that",
    "J": "{ goes to the workload of this pod",
    "z": "enter on a workload shows its versions; worst first, what is wrong is at the top",
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
