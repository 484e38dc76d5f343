"""``[diagnosis]``: profiles of workloads, chosen by patterns, with limits of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from console.config.load import Loaded, load
from console.config.problem import ConfigError
from console.wiring.profiles import profile_choice
from fleet.diagnosis.thresholds import KV_FULL, QUEUE_DEEP
from fleet.model.quantity import Quantity
from fleet.model.severity import Severity
from fleet.snapshot.builder import Builder
from tests.fleet.rows import LIVE, NOW, deployment, engine, kube, measurement, pod

IDE = """\
[diagnosis]
profile = "batch"
[diagnosis.profiles.ide]
like = "autocomplete"
workloads = ["typ*"]
limits = { queue-deep = 5 }
"""


def loaded(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "config.toml"
    file.write_text(text, encoding="utf-8")
    return load({}, file=file, policy=tmp_path / "none")


def test_workloads_are_judged_by_the_limits_of_the_file(tmp_path: Path) -> None:
    choice = profile_choice(loaded(tmp_path, IDE).settings.diagnosis)
    names = ("typing", "night")
    state = kube([pod(f"{name}-0", name) for name in names], [row for name in names for row in deployment(name)])
    waiting = {engine(f"{name}-0", model=name): {Quantity.WAITING: 6.0} for name in names}
    seen = Builder(profiles=choice).build(state, measurement(waiting), [LIVE], NOW)
    assert seen.assessments["serving/typing-0"].severity is Severity.WARNING
    assert seen.assessments["serving/night-0"].severity is Severity.OK
    ide, rest = (seen.profiles.of(f"serving/Deployment/{name}") for name in names)
    assert (ide.name, QUEUE_DEEP.at(ide), KV_FULL.at(ide)) == ("ide", 5, KV_FULL.autocomplete)
    assert (rest.name, QUEUE_DEEP.at(rest)) == ("batch", QUEUE_DEEP.batch)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[diagnosis]\nprofile = "chats"', 'F:2: [diagnosis] profile: there is no profile "chats"'),
        ("[diagnosis.profiles.a]\nlimits = {}", "F:1: [diagnosis] profiles.a: it matches no workload"),
        (
            '[diagnosis.profiles.a]\nmodels = ["*"]\nlimits = { queue = 3 }',
            'F:3: [diagnosis] profiles.a.limits: there is no threshold "queue"',
        ),
        (
            '[diagnosis.profiles.a]\nmodels = ["*"]\nlimits = { queue-deep = 0 }',
            "F:3: [diagnosis] profiles.a.limits: queue-deep = 0 is out of range",
        ),
        ('[diagnosis.profiles.a]\nlike = "fast"', "F:2: [diagnosis] profiles.a.like must be"),
    ],
)
def test_what_is_wrong_and_where(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(tmp_path, text)
    (problem,) = caught.value.problems
    assert str(problem).replace(f"{tmp_path}/config.toml", "F").startswith(expected)
