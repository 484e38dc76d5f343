"""Text for a terminal or a file that somebody will look at in one."""

from __future__ import annotations


def harmless(text: str) -> str:
    """The text without what steers a terminal: control characters, escape sequences, bidirectional overrides."""
    plain = text.replace("\n", "").replace("\t", "")
    if plain.isascii() and plain.isprintable():
        return text
    from widgets.untrusted import untrusted

    return "\n".join("\t".join(map(untrusted, line.split("\t"))) for line in text.split("\n"))
