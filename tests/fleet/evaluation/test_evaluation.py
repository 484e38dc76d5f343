"""Replaying a recorded incident, and its score."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from fleet.evaluation.replay import TICK, snapshots_of
from fleet.evaluation.runner import scores
from fleet.evaluation.score import CaseScore
from fleet.evaluation.totals import GOALS, is_right, totals
from fleet.evaluation.truth import TruthError, cases
from fleet.recorder.problem import RecordingError
from tests.fleet.evaluation.incidents import CALM, ONSET, SICK, TRUTH, recorded
from tests.fleet.recorder.seen import BEGAN


def scored(folder: Path, truth: str, *, crashes: bool = True) -> CaseScore:
    recorded(folder / "one.qdr", crashes=crashes)
    (folder / "one.toml").write_text(truth)
    (found,) = scores(folder)
    return found


def test_a_fault_is_named_first_with_the_share_of_its_evidence_and_the_time_that_it_took(tmp_path: Path) -> None:
    case = scored(tmp_path, TRUTH)
    (fault,) = case.faults
    assert (case.name, case.seconds) == ("one", 180.0)
    assert case.first is not None
    assert (case.first.cause, case.first_right, fault.named, fault.helped) == ("crash-loop", True, True, True)
    # One of the two patterns is in what is shown.
    assert fault.evidence == 0.5
    assert (fault.pending_after, fault.firing_after, fault.in_time) == (0.0, 30.0, True)
    assert case.wrong == []
    assert is_right(case)


@pytest.mark.parametrize(
    ("truth", "cause_named"),
    [
        (TRUTH.replace('cause = ["crash-loop"]', 'cause = ["out-of-memory"]'), False),
        (TRUTH.replace(SICK, "serving/chat-2").replace(', "serving/Deployment/chat"', ""), True),
    ],
)
def test_another_cause_and_another_object_are_wrong(tmp_path: Path, truth: str, cause_named: bool) -> None:
    case = scored(tmp_path, truth)
    assert not case.first_right
    assert not is_right(case)
    assert case.faults[0].cause_named is cause_named
    assert [found.cause for found in case.wrong] == ["crash-loop"]
    assert case.faults[0].pending_after is None


def test_a_cause_may_be_told_by_what_it_says_instead_of_its_id(tmp_path: Path) -> None:
    case = scored(tmp_path, TRUTH.replace('cause = ["crash-loop"]', 'says = "keeps EXITING"'))
    assert case.first_right


def test_whatever_fires_in_calm_hours_is_wrong_unless_it_stands_beside(tmp_path: Path) -> None:
    case = scored(tmp_path, CALM)
    assert [(found.cause, found.object) for found in case.wrong] == [("crash-loop", SICK)]
    assert not is_right(case)
    allowed = scored(tmp_path / "allowed", CALM + '\n[[beside]]\ncause = ["crash-loop"]\n')
    assert allowed.wrong == []
    quiet = scored(tmp_path / "quiet", CALM, crashes=False)
    assert is_right(quiet)


def test_two_faults_in_one_incident_are_not_two_that_were_named(tmp_path: Path) -> None:
    fault = TRUTH[TRUTH.index("[[faults]]") :]
    case = scored(tmp_path, TRUTH + fault)
    assert [one.named for one in case.faults] == [True, False]
    assert not is_right(case)


def test_times_between_changes_are_looked_at_too(tmp_path: Path) -> None:
    recorded(tmp_path / "one.qdr")
    found = list(snapshots_of(tmp_path / "one.qdr"))
    times = [look.snapshot.at for look in found]
    assert times[0] == BEGAN
    assert times[-1] == BEGAN + 180
    assert max(after - before for before, after in pairwise(times)) == TICK
    assert {look.interval for look in found} == {30.0}
    assert ONSET in times


def test_totals_are_of_single_compound_and_calm_cases_apart(tmp_path: Path) -> None:
    fault = TRUTH[TRUTH.index("[[faults]]") :]
    for name, truth in (("a", TRUTH), ("b", TRUTH + fault), ("c", CALM), ("d", TRUTH.replace("crash-loop", "no"))):
        recorded(tmp_path / f"{name}.qdr")
        (tmp_path / f"{name}.toml").write_text(truth)
    found = totals(scores(tmp_path))
    assert (found.cases, found.compound, found.calm) == (2, 1, 1)
    assert (found.first_right, found.all_named, found.exact, found.false) == (0.5, 0.0, 0.0, 1)
    assert found.calm_hours == pytest.approx(0.05)
    assert found.wrong == 1
    reached = {goal.name: goal.reached(found) for goal in GOALS}
    assert reached["first line names cause and object"] is False
    assert reached["false findings in calm hours"] is False
    assert reached["shown within two scrapes and 5 s"] is True


def test_a_share_of_nothing_is_neither_reached_nor_missed() -> None:
    nothing = totals([])
    assert {goal.reached(nothing) for goal in GOALS} == {None}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("kind = ", "Invalid value"),
        ('kind = "x"', "schema"),
        ('schema = "quarterdeck/truth/v2"\nkind = "x"', "schema"),
        (CALM + "[[faults]]\nonset = 1\nsay = 'x'", "faults.0.say"),
        (CALM + "[[faults]]\nonset = 1\nsays = '('", "not a regular expression"),
    ],
)
def test_what_is_no_truth_is_said_with_its_file(tmp_path: Path, text: str, problem: str) -> None:
    recorded(tmp_path / "one.qdr", seconds=60)
    (tmp_path / "one.toml").write_text(text)
    with pytest.raises(TruthError, match=problem) as caught:
        cases(tmp_path)
    assert str(tmp_path / "one.toml") in str(caught.value)


def test_a_folder_without_cases_and_a_truth_without_recording_are_said(tmp_path: Path) -> None:
    with pytest.raises(TruthError, match="not a folder"):
        cases(tmp_path / "none")
    with pytest.raises(TruthError, match="no truth files"):
        cases(tmp_path)
    (tmp_path / "one.toml").write_text(CALM)
    with pytest.raises(TruthError, match=r"one\.qdr is missing"):
        cases(tmp_path)
    (tmp_path / "one.qdr").write_bytes(b"no recording")
    with pytest.raises(RecordingError, match=r"one\.qdr"):
        scores(tmp_path)
