"""Text from outside shows what it is and does nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.untrusted import untrusted


@pytest.mark.parametrize(
    ("raw", "safe"),
    [
        ("plain-name", "plain-name"),
        ("[red]x[/]", "[red]x[/]"),
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#payload\x1b\\after", "after"),
        ("\x9b31mred", "red"),
        ("\x1b[2J\x1b[Hgone", "gone"),
        ("\x1b[?1049h\x1b[>c", ""),
        ("\x1bcreset", "reset"),
        ("\x1b", ""),
        ("a\tb\nc\rd", "a b c d"),
        ("\u202eevil\u202c\u2066x\u2069", "evilx"),
        ("zero\u200bwidth\u200djoin\ufeff", "zerowidthjoin"),
        ("sun\ufe0f", "sun"),
        ("nul\x00bel\x07del\x7f", "nulbeldel"),
        ("lone\ud800", "lone\ufffd"),
        ("nbsp\u00a0x", "nbsp x"),
        ("line\u2028sep", "line sep"),
        ("中文 🚀 é", "中文 🚀 é"),
    ],
)
def test_cases(raw: str, safe: str) -> None:
    assert untrusted(raw) == safe


@given(st.text())
def test_nothing_that_steers_is_left(text: str) -> None:
    safe = untrusted(text)
    assert all(unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Zl", "Zp"} for char in safe)
    assert untrusted(safe) == safe
