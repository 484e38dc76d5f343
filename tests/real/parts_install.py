"""Install real servers that come as wheels, each into a virtual environment of its own, for the tests that need them.

``python -m tests.real.parts_install FOLDER`` (about 1 GB; done once: what is finished is left alone).
"""

from __future__ import annotations

import os
import sys
import venv
from pathlib import Path

from tests.real.vllm_install import pip

PARTS = {
    # The server of llama.cpp as a library, and the package that writes the files of its models.
    "llama.cpp": ("xllamacpp==2026.10.11549", "gguf==0.19.0"),
    "litellm": ("litellm[proxy]==1.108.7", "prometheus_client==0.26.0"),
}
"""Part → what its environment consists of."""
READY = ".quarterdeck-part-ready"


def main(folder: Path) -> int:
    """Install the parts that are not there in these versions. Returns the exit status."""
    for part, requirements in PARTS.items():
        target = folder / part
        if finished(target, requirements):
            continue
        venv.create(target, with_pip=True, symlinks=True)
        pip(target, *requirements)
        (target / READY).write_text("\n".join(requirements))
    return 0


def finished(target: Path, requirements: tuple[str, ...]) -> bool:
    """True if exactly this is installed there."""
    marker = target / READY
    return marker.exists() and marker.read_text() == "\n".join(requirements)


def installation(part: str) -> Path | None:
    """The environment of a part: below $PARTS_FOR_TESTS, else .venv-parts beside the project's own; None for none."""
    folder = Path(os.environ.get("PARTS_FOR_TESTS", Path(__file__).parents[2] / ".venv-parts"))
    return folder / part if finished(folder / part, PARTS[part]) else None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.real.parts_install FOLDER")
    sys.exit(main(Path(sys.argv[1])))
