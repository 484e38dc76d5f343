"""Levels and prefixes of the log lines that people meet."""

from __future__ import annotations

import pytest

from widgets.log_words import LogLevel, folded_line, level_of


@pytest.mark.parametrize(
    ("line", "level", "folded"),
    [
        ("INFO 11-29 21:35:24 [loggers.py:248] Engine 000: ok", LogLevel.INFO, "I 21:35:24 Engine 000: ok"),
        ("(EngineCore_DP0 pid=90) ERROR 11-29 21:35:24 [core.py:9] dead", LogLevel.ERROR, "E 21:35:24 dead"),
        ("WARNING 11-29 21:35:24 [a.py:1] slow", LogLevel.WARNING, "W 21:35:24 slow"),
        ("2026-11-29T21:35:24.123Z error: no route", LogLevel.ERROR, "E 21:35:24 no route"),
        ("E1129 21:35:24.000001   12 main.go:7] no lease", LogLevel.ERROR, "E 21:35:24 no lease"),
        ('{"level":"warn","msg":"x"}', LogLevel.WARNING, '{"level":"warn","msg":"x"}'),
        ("INFO:     Application startup complete.", LogLevel.INFO, "INFO:     Application startup complete."),
        ("Traceback (most recent call last):", LogLevel.ERROR, "Traceback (most recent call last):"),
        ("torch.OutOfMemoryError: CUDA out of memory", LogLevel.ERROR, "torch.OutOfMemoryError: CUDA out of memory"),
        ("no error at all", None, "no error at all"),
        ("", None, ""),
    ],
)
def test_a_line_says_its_level_and_is_folded_to_its_message(line: str, level: LogLevel | None, folded: str) -> None:
    assert level_of(line) is level
    assert folded_line(line) == folded


def test_a_time_in_front_of_a_line_is_not_in_it_as_well() -> None:
    assert folded_line("WARNING 11-29 21:35:24 [a.py:1] slow", with_time=False) == "W slow"
    assert folded_line("no prefix", with_time=False) == "no prefix"
