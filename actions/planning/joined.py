"""One plan of several that are carried out in turn: the steps and checks of each, checks over all, one way back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final, NamedTuple

from actions.number_words import some_names
from actions.planning.plan import Alternative, Change, Check, Plan, Undo, Verdict
from actions.planning.plan_context import PlanContext
from actions.request import InTurn, in_turn

MOST: Final = 9
"""Alternatives: each has a key."""
_NAME: Final = "\0"
"""Placeholder of an object's name: no text of a cluster has it."""
_TEXTS: Final = 3
"""Texts for a check that passes for all targets, each with different words."""


class JointFindings(NamedTuple):
    """Findings about several plans together."""

    checks: tuple[Check, ...] = ()
    impact: tuple[Change, ...] = ()
    """Load on the others once all of them are done; empty where nothing is taken away."""


class NamedPlan(NamedTuple):
    """One of several plans, and what its object is called among those of the others."""

    name: str
    plan: Plan

    def of(self, text: str) -> str:
        """Add the name of its target, unless the text has it already."""
        return text if self.name in text else f"{self.name}: {text}"


def named(plans: Sequence[Plan]) -> tuple[NamedPlan, ...]:
    """Call each object by its name; by more than that where several of the plans are about one of that name."""
    targets = list(dict.fromkeys(plan.target.ref for plan in plans))
    names = Counter(target.name for target in targets)
    placed = Counter((target.namespace, target.name) for target in targets)

    def name(plan: Plan) -> str:
        target = plan.target
        if names[target.name] == 1:
            return target.name
        alone = placed[target.namespace, target.name] == 1
        return f"{target.namespace}/{target.name}" if alone else str(target)

    return tuple(NamedPlan(name(plan), plan) for plan in plans)


def joined(request: InTurn, plans: Sequence[Plan], over_all: JointFindings, context: PlanContext) -> Plan:
    """Return the plan of all. ``over_all``: findings about all together, which are more than those of each alone."""
    each = named(plans)
    fingerprints = [plan.fingerprint for plan in plans]
    return Plan(
        request=request,
        scope=replace(context.scope, require_reason=any(plan.scope.require_reason for plan in plans)),
        title=_title(each),
        made_at=context.now(),
        steps=tuple(replace(step, title=one.of(step.title)) for one in each for step in one.plan.steps),
        checks=_checks(each, over_all.checks),
        changes=_changes(each),
        impact=over_all.impact or tuple(dict.fromkeys(change for plan in plans for change in plan.impact)),
        tables=tuple(replace(table, title=one.of(table.title)) for one in each for table in one.plan.tables),
        alternatives=tuple(_alternatives(request, each))[:MOST],
        diff="\n".join(plan.diff.rstrip("\n") for plan in plans if plan.diff),
        undo=undo_of(plans),
        # Objects outside the API server have none: then none is known for all.
        fingerprint=sha256("".join(fingerprints).encode()).hexdigest() if all(fingerprints) else "",
        parts=tuple(plans),
    )


def undo_of(plans: Sequence[Plan]) -> Undo:
    """The way back from all of them: the last one first."""
    texts: dict[str, list[str]] = {}
    for one in named(plans):
        if one.plan.undo.text:
            texts.setdefault(one.plan.undo.text, []).append(one.name)
    alike = len(texts) == 1
    text = "; ".join(words if alike else f"{some_names(_unique(names))}: {words}" for words, names in texts.items())
    back = list(dict.fromkeys(plan.undo.request for plan in reversed(plans) if plan.undo.request is not None))
    return Undo(text, in_turn(back) if back else None)


def _title(each: Sequence[NamedPlan]) -> str:
    """``Scale chat-a, chat-b and 1 more``: the common words, around the names."""
    kind = each[-1].plan.kind
    around = {one.plan.title.partition(one.plan.target.name)[::2] for one in each if one.plan.kind == kind}
    before, after = next(iter(around))
    return f"{before}{some_names(_unique([one.name for one in each]))}{after if len(around) == 1 else ''}"


def _changes(each: Sequence[NamedPlan]) -> tuple[Change, ...]:
    return tuple(
        dict.fromkeys(
            replace(change, what=change.what if one.name in change.what else f"{one.name} {change.what}")
            for one in each
            for change in one.plan.changes
        )
    )


def _checks(each: Sequence[NamedPlan], over_all: Sequence[Check]) -> tuple[Check, ...]:
    """State common findings once; of the others each warning by name, and the passed ones in one line."""
    together = {check.about for check in over_all}
    by_words: dict[Check, list[str]] = {}
    for name, plan in each:
        for check in plan.checks:
            if check.about not in together or check.verdict is Verdict.BLOCK:
                # Texts that differ only in the name are alike.
                alike = replace(check, text=check.text.replace(name, _NAME), fix=check.fix.replace(name, _NAME))
                by_words.setdefault(alike, []).append(name)
    found, passed = list(over_all), dict[str, list[str]]()
    everyone = len({one.name for one in each})
    for alike, names in by_words.items():
        whose = _unique(names)
        listed = some_names(whose)
        text, fix = alike.text.replace(_NAME, listed), alike.fix.replace(_NAME, listed)
        if len(whose) < everyone and _NAME not in alike.text:
            text = f"{listed}: {text}"
        if len(whose) < everyone and alike.verdict is Verdict.PASS:
            passed.setdefault(alike.about, []).append(text)
        else:
            found.append(replace(alike, text=text, fix=fix))
    return (*found, *(Check(about, Verdict.PASS, _some(texts)) for about, texts in passed.items()))


def _some(texts: Sequence[str]) -> str:
    more = f"; and {len(texts) - _TEXTS} more" if len(texts) > _TEXTS else ""
    return "; ".join(texts[:_TEXTS]) + more


def _alternatives(request: InTurn, each: Sequence[NamedPlan]) -> Iterator[Alternative]:
    """Yield the same plan without its forbidden targets, and the alternatives of each target."""
    forbidden = {one.plan.target: one.name for one in each if one.plan.blocks}
    refs = {target.ref for target in forbidden}
    left = [part for part in request.parts if part.target.ref not in refs]
    if forbidden and left:
        why = next(one.plan.blocks[0].text for one in each if one.plan.blocks)
        yield Alternative(f"without {some_names(list(forbidden.values()))}", in_turn(left), why)
    shared = _shared(each)
    for title, offered in shared.items():
        yield _for_all(title, offered, request)
    for one in each:
        for alternative in one.plan.alternatives:
            if alternative.title.replace(one.name, _NAME) not in shared:
                yield replace(alternative, title=one.of(alternative.title))


_Offered = list[tuple[NamedPlan, Alternative]]


def _shared(each: Sequence[NamedPlan]) -> dict[str, _Offered]:
    """Return the alternatives that several have alike, each to do the same in another way, by title."""
    found: dict[str, _Offered] = {}
    for one in each:
        for alternative in one.plan.alternatives:
            if alternative.request.kind == one.plan.request.kind:
                found.setdefault(alternative.title.replace(one.name, _NAME), []).append((one, alternative))
    return {title: offered for title, offered in found.items() if len(offered) > 1}


def _for_all(title: str, offered: _Offered, request: InTurn) -> Alternative:
    """Return one alternative for all that have it; the others are done as they were to be."""
    instead = {(one.plan.request.kind, one.plan.target.ref): alternative.request for one, alternative in offered}
    parts = [instead.get((part.kind, part.target.ref), part) for part in request.parts]
    names = some_names([one.name for one, _ in offered])
    return Alternative(title.replace(_NAME, names), in_turn(parts), offered[0][1].why)


def _unique(names: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(names))
