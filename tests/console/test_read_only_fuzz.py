"""No key of a read-only console sends anything that changes the cluster."""

from __future__ import annotations

import pytest

from tests.console.read_only_fuzz import Recorded, fuzz


@pytest.mark.parametrize("seed", [1, 2])
async def test_random_keys_and_commands_send_nothing_that_changes_anything(seed: int) -> None:
    recorded = await fuzz(seed, steps=40)
    assert sum(recorded.requests.values()) > 20, "the console has not even looked at the cluster"
    assert not recorded.mutating()
    assert not recorded.private(), "logs, the proxy, secrets and exec are the policy's to allow"


def test_the_record_tells_what_changes_something_from_what_does_not() -> None:
    recorded = Recorded()
    reads = [("GET", "/api/v1/pods"), ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")]
    wrong = [("PATCH", "/api/v1/nodes/a"), ("POST", "/api/v1/namespaces/a/pods/b/eviction"), ("DELETE", "/api/v1/x")]
    recorded.requests.update([*reads, *wrong])
    assert recorded.mutating() == wrong
    assert not recorded.private()
    recorded.requests.update([("GET", "/api/v1/namespaces/a/pods/b/log")])
    assert len(recorded.private()) == 1
