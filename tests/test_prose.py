"""Rules for docstrings: they say something, begin with the idea, and cite and name only what exists."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.raises import ancestors, told, untold, used
from tests.trees import files, nodes

ROOT = Path(__file__).parents[1]
ROOMS = ("actions", "console", "fleet", "simulator", "themes", "widgets", "tests")
POINTS_ELSEWHERE = re.compile(r"\s*See\s")
NOT_OURS = re.compile(
    r"""
    \breference:                                                                # (reference: …)
    | \breference\s+\(?(kubernetes|metrics|vllm|field|findings|peers|real[ -]parts)\b  # of what a reference is
    | \bsections?\s+[\d.]+\s+of\s+the\s+reference
    | \bthe\s+reference's\b
    | \breference/\w+\.md
    | \b(metrics|kubernetes|findings|field),?\s+(§|rule\b|sections?\b|F\d\d)\s*\d* # kubernetes, section 2.3; metrics §6
    """,
    re.VERBOSE | re.IGNORECASE,
)
PUTS_OFF = """
    about above across after against among as at before behind below beside besides between beyond by down during for
    from in into like near of off on onto over since till to toward towards under until up upon with within without
    it its that their them there these they those
    how however what whatever when where wherever whether which whichever who whoever whom whose why
"""
"""First words that put the idea off: prepositions, pronouns, and question words in place of a noun ("What it serves").

A predicate begins with "True if" or a verb, a number with "Number of" or its unit.
"""
OPENS_BADLY = frozenset(PUTS_OFF.split())
PAGE = re.compile(r"\bdocs/[\w-]+\.md\b")
"""A page of ours, by its path from the root."""


def docstrings(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of each: of modules, classes, functions, and those below an assignment."""
    for node in nodes(path):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value


def opens_badly(text: str) -> bool:
    """True if the first word of a docstring is not part of its idea."""
    word = re.match(r"\s*([A-Za-z]+)\b", text)
    return word is not None and word.group(1).lower() in OPENS_BADLY


def faults(text: str) -> list[str]:
    """Return the faults of one docstring."""
    found = ["begins with 'See'"] if POINTS_ELSEWHERE.match(text) else []
    found += [f"cites {cited.group()!r}" for cited in NOT_OURS.finditer(text)]
    return found + [f"there is no {page}" for page in PAGE.findall(text) if not (ROOT / page).is_file()]


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_say_something_and_cite_what_can_be_found(room: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {fault}"
        for file in files(room)
        for line, text in docstrings(file)
        for fault in faults(text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "See Grid.",
        "\n    See Grid for what a row is.",
        "Evicts a pod. Reference: kubernetes, section 2.1.",
        "Signs and effects: reference kubernetes, section 1.5.",
        "They take two seconds (kubernetes, section 2.3).",
        "As section 4 of the reference has it.",
        "The classes of the reference's findings.",
        "Waiting requests that are a problem (metrics §6).",
        "docs/nowhere.md has the fields.",
    ],
)
def test_it_finds_them(text: str) -> None:
    assert faults(text)


@pytest.mark.parametrize(
    "text",
    [
        "Seen by nobody. Asks the server, see RFC 9110, section 15.",
        "A point is a reference to the columns of a Snapshot.",
        "The reference in docs/configuration.md is written from here.",
        'Kubernetes documentation, "API-initiated Eviction".',
    ],
)
def test_it_leaves_the_others_alone(text: str) -> None:
    assert not faults(text)


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_begin_with_the_idea(room: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{line}: {text.strip().splitlines()[0]}"
        for file in files(room)
        for line, text in docstrings(file)
        if opens_badly(text)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "Of pods that serve, by their keys.",
        "\n    Those that are over.",
        "What a pod serves.",
        "Its own.",
        "How a server stands.",
        "How many pods are ready.",
        "Whether it has the focus.",
        "Whoever reads it.",
        "Whatever stands behind the name.",
        "As ``:q``: it asks.",
    ],
)
def test_it_finds_a_beginning_that_is_not_the_idea(text: str) -> None:
    assert opens_badly(text)


@pytest.mark.parametrize(
    "text",
    [
        "Return the health of serving pods, keyed by pod.",
        "True if it has the focus.",
        "Number of ready pods.",
        "Offset of the first line.",
        "``of`` is the key.",
    ],
)
def test_it_lets_the_idea_begin(text: str) -> None:
    assert not opens_badly(text)


def misplaced(functions: list[ast.FunctionDef | ast.AsyncFunctionDef]) -> Iterator[str]:
    """Yield the functions of a file whose docstring is another's: the same sentence twice, or of another result."""
    texts: dict[str, str] = {}
    for function in functions:
        sentence = (ast.get_docstring(function) or "").partition("\n\n")[0]
        other = texts.setdefault(sentence, function.name)
        returns_nothing = isinstance(function.returns, ast.Constant) and function.returns.value is None
        if (len(sentence) > 60 and other != function.name) or (
            returns_nothing and re.search("; None (if|where)", sentence)
        ):
            yield f"{function.lineno}: {function.name}: {sentence}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_docstring_is_that_of_its_function(room: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{one}"
        for file in files(room)
        for one in misplaced([node for node in nodes(file) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)])
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("room", ROOMS)
def test_an_exception_in_a_docstring_exists(room: str) -> None:
    unknown = [
        f"{file.relative_to(ROOT)}:{line}: {name}"
        for file in files(room)
        for line, text in docstrings(file)
        for name in sorted(told(text))
        if not ancestors(name) and name not in used()
    ]
    assert unknown == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_function_that_tells_what_it_raises_tells_all_that_it_raises_itself(room: str) -> None:
    found = [
        f"{file.relative_to(ROOT)}:{node.lineno}: {node.name} raises {name}"
        for file in files(room)
        for node in nodes(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for name in dict.fromkeys(untold(node))
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('"""Raises KeyError."""\n    raise ValueError("x")', ["ValueError"]),
        ('"""Raises LookupError."""\n    raise KeyError', []),
        ('"""Ask. Raises OSError, and\n    ValueError if it is odd."""\n    raise ValueError', []),
        ('"""Nothing is said."""\n    raise ValueError', []),
        ('"""Raises OSError."""\n    try:\n        raise ValueError\n    except ValueError:\n        pass', []),
    ],
)
def test_what_is_told_is_compared_with_what_is_raised(source: str, names: list[str]) -> None:
    (function,) = ast.parse(f"def f():\n    {source}").body
    assert isinstance(function, ast.FunctionDef)
    assert [*untold(function)] == names


def test_each_file_that_the_documents_name_is_there() -> None:
    ours = [file.relative_to(ROOT).as_posix() for room in ROOMS for file in files(room)]
    missing = [
        f"{document.name}: {name}"
        for document in (ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
        # What is to be written is called x, and a * stands for several.
        for name in re.findall(r"(?<![\w{},/*>])\w[\w/]*\.py\b", document.read_text(encoding="utf-8"))
        if "/x" not in name and not any(f"/{file}".endswith(f"/{name}") for file in ours)
    ]
    assert missing == []
