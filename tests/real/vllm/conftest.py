"""The servers that these tests share: two of this machine. The files stand in the order of the servers' lives."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fleet.local.record import ServerRecord, read_records
from tests.real.local_servers import ONE, Here, two_servers
from tests.real.vllm_server import installation


@pytest.fixture(scope="package")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Here]:
    """Both servers, ready."""
    vllm = installation()
    assert vllm is not None
    with two_servers(tmp_path_factory.mktemp("local"), vllm) as here:
        yield here


@pytest.fixture(scope="package")
def engine(here: Here) -> ServerRecord:
    """The one of them that waits for requests alone, until ``test_two_servers.py`` ends it."""
    return next(record for record in read_records(here.servers)[0] if record.name == ONE)
