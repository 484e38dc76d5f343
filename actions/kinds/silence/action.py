"""Silence an alert, and end a silence."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from actions.audit.redaction import redacted_text
from actions.audit.redaction_marks import MARK
from actions.kinds.silence import LASTS, Expire, SilenceAlert, is_long_enough
from actions.number_words import span
from actions.planning.plan import Change, Check, CheckTable, Mutation, Plan, Step, Undo, Verdict
from actions.planning.plan_context import ClusterContext
from actions.request import Request, Target, expect
from actions.running.execution_context import ClusterExecution
from actions.running.progress import Outcome, Result
from fleet.alerts.board import AlertBoard, AlertBoardMaker, AlertRow
from fleet.model.alerts import Notified, Silence
from fleet.model.snapshot import Health, Snapshot
from fleet.net.plain_url import segment
from fleet.sources.kube.errors import KubeError, NotFoundError

ABOUT: Final = "alertmanager"
_NAMED = 20


class SilenceAction:
    """A silence by all labels of the alert covers it and no other; its mark is how undo finds it again."""

    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        asked, target = expect(request, SilenceAlert), request.target
        board = AlertBoardMaker().board_of(context.snapshot)
        row = _row_of(board, target)
        at, base = _alertmanager_of(context.snapshot, row)
        if not is_long_enough(asked.seconds):
            raise KubeError(LASTS, remedy="Choose another duration.")
        now, mark = context.now(), f"quarterdeck-{uuid.uuid4().hex[:12]}"
        body = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in sorted(row.merged.alert.labels.items())
            ],
            "startsAt": _stamp(now),
            "endsAt": _stamp(now + asked.seconds),
            "createdBy": context.scope.user or "quarterdeck",
            "comment": f"{_why(asked.comment)}silenced with quarterdeck ({mark})",
        }
        if MARK in str(body["matchers"]):
            problem = "one of its labels looks like a secret, which is not stored"
            raise KubeError(problem, remedy="Silence it on Alertmanager's own page, or with amtool.")
        silenced = row.merged.alert.silenced_by
        checks = [_check_source(context.snapshot, at)]
        if silenced:
            checks.append(Check("silences", Verdict.WARN, f"it is silenced already, by {', '.join(silenced)}"))
        until = f"silenced until {_stamp(now + asked.seconds)}"
        alert = row.merged.alert
        post = Mutation("POST", f"{base}/api/v2/silences", body, query={}, about="silence the alert")
        return Plan(
            request=request,
            scope=context.scope,
            title=f"Silence {target.name} for {span(asked.seconds)}",
            made_at=now,
            steps=(
                Step(
                    "post the silence",
                    at,
                    (post,),
                ),
                Step("wait until it takes effect"),
            ),
            checks=tuple(checks),
            changes=(Change(target.name, alert.state, until),),
            tables=(CheckTable("what is silenced", ("label", "value"), tuple(sorted(alert.labels.items()))[:_NAMED]),),
            undo=Undo("end the silence", Expire(target, mark)),
            fingerprint=row.merged.key,
            facts={"source": at, "mark": mark},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        answer = await execution.send(mutation)
        made = str(answer.get("silenceID", ""))
        if not made:
            return Outcome(Result.FAILED, "Alertmanager returned no id of a silence", "check its page of silences")
        execution.step(1)
        mark = str(plan.facts["mark"])

        async def seen() -> bool:
            return any(mark in one.comment for one in _silences(execution.snapshot, str(plan.facts["source"])))

        if await execution.until(seen, execution.rules.follow_timeout):
            return Outcome(Result.CONVERGED, f"silenced: {made}")
        return Outcome(Result.TIMED_OUT, f"the silence {made} is not seen", "check its page of silences")


class ExpireAction:
    """Ends one silence; the alerts that it covered notify again at once."""

    async def plan(self, request: Request, context: ClusterContext) -> Plan:
        snapshot, target = context.snapshot, request.target
        board = AlertBoardMaker().board_of(snapshot)
        asked = _chosen(expect(request, Expire), board)
        found = [(name, one) for name in snapshot.facts.of(Notified) for one in _silences(snapshot, name)]
        match = next(
            ((name, one) for name, one in found if asked.silence == one.id or asked.silence in one.comment), None
        )
        if match is None:
            raise NotFoundError("there is no longer such a silence", remedy="It has expired, or was ended by somebody.")
        at, silence = match
        base = _base(snapshot, at)
        covered = [row for row in board.rows.values() if silence.id in row.merged.alert.silenced_by]
        matchers = " ".join(map(str, silence.matchers))
        more = f"notifications resume for {len(covered)} alert{'s' if len(covered) != 1 else ''} that it covers now"
        path = f"{base}/api/v2/silence/{segment(silence.id)}"
        delete = Mutation("DELETE", path, None, query={}, about="end the silence")
        return Plan(
            request=asked,
            scope=context.scope,
            title=f"End the silence of {target.name}",
            made_at=context.now(),
            steps=(
                Step("end it", at, (delete,)),
                Step("wait until it is gone"),
            ),
            checks=(_check_source(snapshot, at), Check("silences", Verdict.PASS, more)),
            changes=(Change(f"{{{matchers}}}", f"silenced by {silence.by}: {silence.comment}", "told of"),),
            undo=Undo("silence it again"),
            fingerprint=silence.id,
            facts={"source": at, "silence": silence.id},
        )

    async def execute(self, plan: Plan, execution: ClusterExecution) -> Outcome:
        execution.step(0)
        (mutation,) = plan.steps[0].mutations
        await execution.send(mutation)
        execution.step(1)

        async def gone() -> bool:
            every = _silences(execution.snapshot, str(plan.facts["source"]))
            return all(one.id != plan.facts["silence"] for one in every)

        if await execution.until(gone, execution.rules.follow_timeout):
            return Outcome(Result.CONVERGED, "the silence has ended")
        return Outcome(Result.TIMED_OUT, "the silence is still there", "check its page of silences")


def _why(comment: str) -> str:
    """The reason before the words that every silence of ours has; more people may read it than the audit log."""
    return f"{redacted_text(comment)}; " if comment else ""


def _chosen(asked: Expire, board: AlertBoard) -> Expire:
    """Return the request with its silence filled in. Raises KubeError if the alert is ambiguous."""
    if asked.silence:
        return asked
    row = board.rows.get(asked.target.uid)
    ids = row.merged.alert.silenced_by if row is not None else (asked.target.uid,)
    if not ids:
        raise NotFoundError(f"{asked.target.name} is not silenced", remedy="There is nothing to end.")
    if len(ids) > 1:
        raise KubeError(
            f"{asked.target.name} is silenced by {len(ids)}: {', '.join(ids)}", remedy="Choose one with --silence ID."
        )
    return replace(asked, silence=ids[0])


def _row_of(board: AlertBoard, target: Target) -> AlertRow:
    row = board.rows.get(target.uid)
    if row is None:
        raise NotFoundError(f"the alert {target.name} has ended", remedy="There is nothing to silence.")
    return row


def _alertmanager_of(snapshot: Snapshot, row: AlertRow) -> tuple[str, str]:
    """The name of the Alertmanager that has the alert, and where its API begins."""
    at = next((name for name in row.merged.sources if name in snapshot.facts.of(Notified)), "")
    if not at:
        problem = "no known Alertmanager has this alert: it is pending, or is not sent to one"
        raise KubeError(problem, remedy="Name its Alertmanager with --alertmanager URL.")
    return at, _base(snapshot, at)


def _base(snapshot: Snapshot, at: str) -> str:
    status = snapshot.source(at)
    if status is None or not status.endpoint:
        raise KubeError(f"{at} cannot be reached", remedy=":sources says why.")
    return status.endpoint


def _check_source(snapshot: Snapshot, at: str) -> Check:
    status = snapshot.source(at)
    if status is None or status.health is not Health.LIVE:
        return Check(ABOUT, Verdict.BLOCK, f"{at} does not answer now", ":sources says why")
    return Check(ABOUT, Verdict.PASS, f"{at} answers at {status.endpoint}")


def _silences(snapshot: Snapshot, at: str) -> tuple[Silence, ...]:
    dated = snapshot.facts.of(Notified).get(at)
    return dated.value.silences if dated is not None else ()


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
