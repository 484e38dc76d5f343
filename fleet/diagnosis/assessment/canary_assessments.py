"""The trouble of pods as the canary's answers alone show it, for their rows."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.diagnosis.causes.canary import DIFFERENT, UNANSWERED
from fleet.diagnosis.families.canary_cause import CanaryPod
from fleet.model.canary import CanaryAnswers
from fleet.model.facts import Facts
from fleet.model.objects import Pod
from fleet.model.snapshot import Assessment


def shown_by_answers(facts: Facts, pods: Mapping[str, Pod]) -> Mapping[str, Assessment]:
    """Return the trouble that the answers show, by the keys of pods: the row says what the incident does."""
    found = {}
    for dated in facts.of(CanaryAnswers).values():
        for answer in dated.value.direct:
            pod = pods.get(answer.key)
            if pod is None:
                continue
            seen = CanaryPod(pod, answer)
            for cause in (DIFFERENT, UNANSWERED):
                if cause.holds(seen):
                    found[answer.key] = cause.assessment(seen)
    return found
