"""A process of a test ends with the test, however that ends."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import AnyStr


@contextmanager
def ending(process: subprocess.Popen[AnyStr]) -> Iterator[subprocess.Popen[AnyStr]]:
    """The process as a context that waits for its end, and that a failure or the test's time limit leaves at once.

    Popen's own context waits for the process then too, and so hangs for ever where the process waits for the test.
    """
    with process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise
