"""Text from outside shows what it is and does nothing."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from widgets.untrusted import is_visible, untrusted, untrusted_line, untrusted_name


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
        ("\x1bcreset", "reset"),
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


UNSEEN = [
    "\u200b",
    "\u200b\ufeff",
    "\x1b[0m",
    "\x1b",
    "\x00",
    "\x1f",
    "\u202e",
    "\ufe0f",
    "\u3164",
    "\u2800",
    "\u034f",
    "\u00ad",
]
"""Zero-width characters, control characters, selectors, fillers, combining and soft marks."""


@pytest.mark.parametrize("unseen", UNSEEN)
def test_a_word_of_which_nothing_would_be_seen_is_shown_by_its_code_points(unseen: str) -> None:
    code = unseen.encode("unicode_escape").decode()
    assert untrusted(unseen) == f'"{code}"'
    assert untrusted_name(unseen) == f'"{code}"'
    if not unseen.startswith("\x1b") and not unseen.isspace():
        assert untrusted(f"Drain {unseen} é") == f'Drain "{code}" é'


@pytest.mark.parametrize(("name", "shown"), [("", '""'), (" ", '" "'), ("\u00a0", '"\\xa0"'), ("\n\t", '"\\n\\t"')])
def test_a_name_that_is_empty_or_blank_is_quoted(name: str, shown: str) -> None:
    assert untrusted_name(name) == shown


def test_what_is_no_name_may_be_empty_or_blank() -> None:
    assert untrusted("") == ""
    assert untrusted("  \n") == "   "
    assert untrusted_line("\x1b[0m") == ""


def test_a_long_name_without_anything_to_see_is_cut() -> None:
    assert untrusted_name("\u200b" * 253) == '"' + "\\u200b" * 16 + '…"'


@given(st.text())
def test_of_a_name_something_is_always_seen(name: str) -> None:
    shown = untrusted_name(name)
    assert is_visible(shown)
    assert untrusted_name(shown) == shown
