"""Progress of slow operations: on a terminal, after a second, in one line that is removed at the end."""

from __future__ import annotations

import asyncio
import io
import sys
from contextlib import aclosing
from pathlib import Path

import pytest

from console.cli import progress, streams
from console.cli.dispatch import say
from console.cli.progress import ProgressLine, progress_text, waiting_for, with_progress
from console.cli.watch import again
from console.report.sheets.sheet import Sheet
from fleet.model.snapshot import Health, SourceStatus


def test_how_far_it_is_in_words() -> None:
    assert progress_text("cases", 100, 400, 10.0) == "cases [######------------------] 100 of 400, about 30s more"
    assert progress_text("cases", 1, 4000, 1.0) == "cases [------------------------] 1 of 4,000"
    assert progress_text("reading what happened", 0, 0, 3.0) == "reading what happened, 3s"
    kubernetes = SourceStatus("kubernetes", Health.STARTING, 0.0, progress="1,500 of ~5,000 pods")
    down = SourceStatus("prometheus", Health.DOWN, 0.0, problem="refused")
    assert waiting_for([kubernetes, down]) == "waiting for kubernetes (1,500 of ~5,000 pods); no answer from prometheus"
    assert waiting_for([SourceStatus("kubernetes", Health.LIVE, 0.0)]) == "measuring"


class _Stderr(streams.Terminal):
    def isatty(self) -> bool:
        return self.terminal

    terminal = True


async def test_the_first_table_of_a_watch_is_waited_for_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, seen = [], asyncio.Event()

    def show(self: ProgressLine, text: str, done: float = 0.0, total: float = 0.0) -> None:
        shown.append(text)
        seen.set()

    monkeypatch.setattr(ProgressLine, "show", show)
    monkeypatch.setattr(progress, "EVERY", 0.0)

    async def slow() -> Sheet:
        await seen.wait()
        return Sheet((), ())

    async with aclosing(again(slow, 0.0, "asking the servers")) as tables:
        assert await anext(tables) == Sheet((), ())
        several = len(shown)
        assert set(shown) == {"asking the servers"}
        assert await anext(tables) == Sheet((), ())
        assert len(shown) == several, "later ones are not waited for"


@pytest.mark.parametrize("terminal", [True, False])
async def test_it_is_said_on_a_terminal_alone_and_nothing_of_it_stays(
    *, terminal: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "stderr"
    stderr = _Stderr(io.BufferedWriter(io.FileIO(file, "w")), encoding="utf-8")
    stderr.terminal = terminal
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setattr(progress, "AFTER", 0.0)
    monkeypatch.setattr(progress, "EVERY", 0.0)
    asked = asyncio.Event()

    def words() -> str:
        asked.set()
        return "waiting for x"

    async def work() -> int:
        await asked.wait()
        await asyncio.sleep(0)
        say("a line of its own")
        return 7

    assert await with_progress(words, work()) == 7
    with ProgressLine() as line:
        line.counted("cases")(1, 2)
    stderr.close()
    text = file.read_bytes().decode()
    assert "quarterdeck: a line of its own" in text
    if not terminal:
        assert text == "quarterdeck: a line of its own\n"
        return
    assert "waiting for x" in text
    assert "cases [############------------] 1 of 2" in text
    lines = [one.rpartition("\x1b[K")[2] for one in text.split("\n")]
    assert lines == ["quarterdeck: a line of its own", ""]
