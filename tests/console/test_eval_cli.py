"""``quarterdeck eval DIR`` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from console.cli import exit_codes
from console.cli.dispatch import dispatch
from tests.fleet.evaluation.incidents import CALM, SICK, TRUTH, recorded


def evaluated(folder: Path, *flags: str) -> int:
    return dispatch("quarterdeck", ["eval", str(folder), *flags], {})


def case(folder: Path, name: str, truth: str, *, crashes: bool = True) -> None:
    recorded(folder / f"{name}.qdr", crashes=crashes)
    (folder / f"{name}.toml").write_text(truth)


COMPLETE = TRUTH.replace(', "the moon is full"', "")


def test_exit_code_says_whether_every_goal_is_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case(tmp_path, "crash", COMPLETE)
    case(tmp_path, "quiet", CALM, crashes=False)
    assert evaluated(tmp_path) == exit_codes.OK
    table = capsys.readouterr().out
    assert "first line names cause and object  " in table
    assert "crash-loop  1/1" in table
    case(tmp_path, "other", COMPLETE.replace("crash-loop", "no-such-cause"))
    assert evaluated(tmp_path, "--each") == exit_codes.PROBLEM
    output = capsys.readouterr().out
    assert f"other: first line: {SICK}: CrashLoopBackOff (crash-loop)" in output
    assert "not named: no-such-cause" in output


def test_json_has_goals_totals_kinds_and_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    case(tmp_path, "crash", TRUTH)
    assert evaluated(tmp_path, "--json") == exit_codes.PROBLEM
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "quarterdeck/eval/v1"
    assert found["seen"]["first_right"] == 1.0
    assert [(one["kind"], one["cases"], one["right"]) for one in found["kinds"]] == [("crash-loop", 1, 1)]
    (one,) = found["cases"]
    assert one["first"] == {"cause": "crash-loop", "object": SICK, "words": "CrashLoopBackOff"}
    assert one["faults"][0]["evidence"] == 0.5
    assert {goal["name"]: goal.get("reached") for goal in found["goals"]}["evidence is complete"] is False


@pytest.mark.parametrize("form", ["--each", "--json", "--markdown"])
def test_of_what_is_held_out_nothing_is_told_but_sums(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    hidden = COMPLETE.replace('kind = "crash-loop"', 'kind = "a-secret-kind"\nheld_out = true')
    case(tmp_path, "a-secret-name", hidden.replace('["crash-loop"]', '["a-secret-cause"]'))
    case(tmp_path, "crash", COMPLETE)
    evaluated(tmp_path, form)
    output = capsys.readouterr().out
    assert "a-secret" not in output
    if form == "--json":
        assert json.loads(output)["held_out"]["first_right"] == 0.0
    else:
        line = next(line for line in output.splitlines() if "first line names cause" in line)
        assert "100 %" in line
        assert " 0 %" in line


def test_a_folder_without_cases_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluated(tmp_path) == exit_codes.USAGE
    assert "has no truth files" in capsys.readouterr().err
