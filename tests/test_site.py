"""The documentation as a site: each page is in its navigation, and each link leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.tour import TOURS, Frame, moving

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and the site make them."""
    titles = HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


def _pages(entries: list[Any]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from _pages(value)


def test_each_page_is_in_the_navigation_once() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(_pages(navigation)) == [page.relative_to(DOCS).as_posix() for page in PAGES]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(DOCS).as_posix())
def test_each_link_leads_somewhere(page: Path) -> None:
    dead = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = page if not path else (page.parent / path).resolve()
        there = target.exists() and target.is_relative_to(DOCS)
        if not there or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert dead == []


@pytest.mark.parametrize("name", TOURS)
def test_each_recording_is_there_and_shows_its_steps(name: str) -> None:
    picture = (DOCS / f"{name}.svg").read_text(encoding="utf-8")
    assert picture.count('<g class="frame') == len(TOURS[name].steps)


def test_one_screen_is_seen_at_a_time() -> None:
    screen = '<svg viewBox="0 0 {0} 50.5"><text>{0}</text></svg>'
    made = moving([Frame(screen.format(100), 1.0), Frame(screen.format(200), 3.0)])
    assert 'viewBox="0 0 100 50.5"' in made
    assert "@keyframes show0{0%{visibility:visible}25.000%,100%{visibility:hidden}}" in made
    assert "animation:show1 4s step-end 1s infinite" in made


@pytest.mark.parametrize("frames", [[], [Frame("<svg/>")]])
def test_what_is_no_screen_makes_no_recording(frames: list[Frame]) -> None:
    with pytest.raises(ValueError, match="screenshots"):
        moving(frames)
