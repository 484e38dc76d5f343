"""Quotas: usage, demand, and the sentence about them."""

from __future__ import annotations

from typing import Any

import pytest

from actions.checks.quota import check_quota
from actions.planning.plan import Verdict
from tests.actions.objects import GPU
from tests.actions.rolled import template
from tests.actions.stage import FakeCluster

SPEC = template(1)["spec"]


def quota(hard: dict[str, str], used: dict[str, str], **spec: Any) -> FakeCluster:
    cluster = FakeCluster()
    cluster.add(
        {
            "kind": "ResourceQuota",
            "metadata": {"name": "team", "namespace": "serving"},
            "spec": spec,
            "status": {"hard": hard, "used": used},
        }
    )
    return cluster


@pytest.mark.parametrize(
    ("hard", "used", "more", "words"),
    [
        ({f"requests.{GPU}": "16"}, {f"requests.{GPU}": "8"}, 2, ""),
        ({f"requests.{GPU}": "16"}, {f"requests.{GPU}": "12"}, 2, f"allows 16 requests.{GPU}, 12 are used and 8 more"),
        ({"pods": "4"}, {"pods": "4"}, 1, "allows 4 pods, 4 are used and 1 more"),
        ({"count/pods": "4"}, {}, 5, "allows 4 count/pods, 0 are used and 5 more"),
        ({"pods": "1k"}, {"pods": "998"}, 2, ""),
        ({"requests.cpu": "1500m"}, {"requests.cpu": "1400m"}, 9, ""),
        ({"pods": "0"}, {}, 0, ""),
    ],
)
async def test_more_than_is_left_is_said(hard: dict[str, str], used: dict[str, str], more: int, words: str) -> None:
    found = await check_quota("serving", SPEC, more, quota(hard, used).context())
    assert found.verdict is (Verdict.WARN if words else Verdict.PASS)
    assert words in found.text


async def test_a_quota_that_may_leave_them_out_is_told_with_its_scope() -> None:
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["batch"]}]}
    cluster = quota({"pods": "0"}, {}, scopeSelector=selector)
    assert "team (scope PriorityClass) allows 0 pods" in (await check_quota("serving", SPEC, 1, cluster.context())).text


async def test_without_a_quota_everything_fits() -> None:
    found = await check_quota("serving", SPEC, 100, FakeCluster().context())
    assert (found.verdict, found.text) == (Verdict.PASS, "no quota in namespace serving")
