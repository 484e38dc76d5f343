"""Do the ResourceQuotas of the namespace leave room for the pods that will start?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from actions.kubeobj import permitted
from actions.number_words import count
from actions.planning.plan import Check, Verdict
from actions.planning.plan_context import ClusterContext
from fleet.sources.kube.project.gpu import pod_devices

ABOUT = "quota"


async def check_quota(namespace: str, spec: Mapping[str, Any], more: int, context: ClusterContext) -> Check:
    """Check that ``more`` pods of this raw pod spec fit: by their number and by their devices. Raises KubeError.

    A quota with scopes may not apply to these pods; it is reported with its scope.
    """
    if more <= 0:
        return Check(ABOUT, Verdict.PASS, "no new pod is needed")
    needed = {"pods": more, "count/pods": more}
    needed |= {f"requests.{resource}": more * number for resource, number in pod_devices(dict(spec)).items()}
    quotas = await permitted("ResourceQuota", namespace, context.reads)
    if quotas is None:
        text = f"whether a quota leaves room for {count(more, 'more pod')} is not known: you may not list quotas here"
        return Check(ABOUT, Verdict.WARN, text)
    short = [words for raw in quotas for words in _shortages(raw, needed)]
    if short:
        return Check(
            ABOUT,
            Verdict.WARN,
            f"{count(more, 'more pod')} would not fit: {'; '.join(short)}",
            "ask for a larger quota, or scale something else down",
        )
    if not quotas:
        return Check(ABOUT, Verdict.PASS, f"no quota in namespace {namespace}")
    return Check(ABOUT, Verdict.PASS, f"{count(more, 'more pod')} within the quota of namespace {namespace}")


def _shortages(raw: Mapping[str, Any], needed: Mapping[str, int]) -> list[str]:
    status, spec = raw.get("status") or {}, raw.get("spec") or {}
    hard, used = status.get("hard") or {}, status.get("used") or {}
    scopes = [*(spec.get("scopes") or ())]
    scopes += [str(e.get("scopeName")) for e in (spec.get("scopeSelector") or {}).get("matchExpressions") or ()]
    where = f" (scope {', '.join(scopes)})" if scopes else ""
    found = []
    for resource, wanted in needed.items():
        limit = _parse_count(hard.get(resource))
        if limit is None:
            continue
        taken = _parse_count(used.get(resource)) or 0
        if taken + wanted > limit:
            name = raw["metadata"]["name"]
            found.append(f"{name}{where} allows {limit} {resource}, {taken} are used and {wanted} more are needed")
    return found


def _parse_count(quantity: object) -> int | None:
    """A quantity of things that are counted; thousands may be written as ``2k``. None for none, or for a fraction."""
    text = str(quantity if quantity is not None else "")
    factor = {"k": 1000, "M": 1_000_000}.get(text[-1:], 1)
    digits = text if factor == 1 else text[:-1]
    return int(digits) * factor if digits.isdigit() else None
