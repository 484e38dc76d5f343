"""Problems of pods that were asked for their metrics and gave none that can be read."""

from __future__ import annotations

from collections.abc import Mapping


def scrape_problem(unanswered: Mapping[str, str], pod: str) -> str:
    """Return what is wrong with the answer of a pod, at the first of its ports that has something wrong."""
    if not unanswered or pod in unanswered:
        return unanswered.get(pod, "")
    return next((why for target, why in unanswered.items() if target.startswith(f"{pod}:")), "")
