"""The gist of a message of the API server, a kubelet or a runtime, short enough for a row of a table."""

from __future__ import annotations

import re

LONGEST = 90
"""Characters of a message that are shown in a row."""
_WRAPPING = re.compile(
    r'^(?:pods? "[^"]*" is forbidden: |Pod was rejected: |Error: |Internal error occurred: |'
    r"Failed to prepare dynamic resources: |"
    r"rpc error: code = \w+ desc = |failed to create (?:containerd|shim) task: |OCI runtime create failed: |"
    r"runc create failed: |unable to start container process: |Failed to create pod sandbox: |"
    r"error during container init: |error running \w+ hook #\d+: |exit status \d+, (?:stdout: ?,? ?)?|stderr: |"
    r"Auto-detected mode as '[^']*' ?|prepare dynamic resources: |"
    r'\w+\.\w+ failed for volume "[^"]*" : )'
)
"""Beginnings that callers put in front of the message of what they called."""


def gist(message: str, longest: int = LONGEST) -> str:
    """Return the message without what callers put in front of it, on one line, cut off at a word."""
    text = " ".join(message.split())
    while (plain := _WRAPPING.sub("", text)) != text:
        text = plain
    if len(text) <= longest:
        return text.rstrip(". ")
    return text[:longest].rpartition(" ")[0].rstrip(".,:; ") + " …"
