"""Text made safe for a terminal, or for a file that will be viewed in one."""

from __future__ import annotations


def harmless(text: str) -> str:
    """Return the text without terminal controls: control characters, escape sequences, bidirectional overrides."""
    plain = text.replace("\n", "").replace("\t", "")
    if plain.isascii() and plain.isprintable():
        return text
    from widgets.untrusted import untrusted

    return "\n".join("\t".join(map(untrusted, line.split("\t"))) for line in text.split("\n"))
