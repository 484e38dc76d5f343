"""The server that these tests share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.real.vllm_server import installation, served

SLOTS = 4
"""--max-num-seqs of the server: further requests wait."""


@dataclass(frozen=True)
class Engine:
    """A vLLM server that is ready; its model is called ``tiny``."""

    url: str
    folder: Path
    """Folder with its model, in ``model``."""


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    vllm = installation()
    assert vllm is not None
    folder = tmp_path_factory.mktemp("vllm")
    with served(vllm, folder, slots=SLOTS) as url:
        yield Engine(url, folder)
