"""Is it the last pod that serves its model?"""

from __future__ import annotations

from collections.abc import Collection

from actions.follow.cold_starts import usual_start
from actions.number_words import count, some_names, span
from actions.planning.impact import served_by, serving
from actions.planning.plan import Check, Verdict
from fleet.model.snapshot import Snapshot

ABOUT = "last replica"


def check_last(snapshot: Snapshot, leaving: Collection[str], *, first: bool = False) -> Check:
    """``leaving``: keys of the pods that go. ``first``: each only once its replacement is ready."""
    models = sorted({model for pod in leaving for model in served_by(snapshot, pod)})
    others = {model: [pod for pod in serving(snapshot, model) if pod not in leaving] for model in models}
    last = [model for model in models if not others[model] and any(p in leaving for p in serving(snapshot, model))]
    names = some_names([model.partition("/")[2] for model in last])
    if last and first:
        return Check(ABOUT, Verdict.PASS, f"the last ready one of {names}, and its replacement is ready before it goes")
    if last:
        starts = [usual_start([snapshot.pods[pod] for pod in serving(snapshot, model)]) for model in last]
        known = [start for start in starts if start is not None]
        usual = f", {span(max(known))} as a rule" if known else ""
        who = f"the last ready {'one' if len(leaving) == 1 else 'ones'} of {names}"
        text = f"{who}: nothing answers until another is ready{usual}"
        return Check(ABOUT, Verdict.WARN, text, "start a replacement first, or scale up")
    if not models:
        return Check(ABOUT, Verdict.PASS, "it serves no model")
    fewest = min(models, key=lambda model: len(others[model]))
    if not others[fewest]:
        text = f"no pod of {fewest.partition('/')[2]} is ready now, so no serving pod is removed"
        return Check(ABOUT, Verdict.PASS, text)
    pods = count(len(others[fewest]), "other ready pod")
    return Check(ABOUT, Verdict.PASS, f"{pods} of {fewest.partition('/')[2]} left")
