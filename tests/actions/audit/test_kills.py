"""kill -9 of a writing process at random moments: the log continues, and no promised record is missing."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from actions.audit.chain import verify
from actions.audit.reading import read_log, records
from tests.ending import ending

WRITER = """
import itertools, sys
from pathlib import Path
from actions.audit.log import AuditLog
from actions.audit.who import Who
log = AuditLog(Path(sys.argv[1]), Who.of_this_process("me", ()), limit_bytes=100_000)
for number in itertools.count(int(sys.argv[2])):
    log.append("step", "a1", {"number": number, "padding": "x" * (number * 37 % 9000)})
    print(number, flush=True)
"""


def test_a_log_survives_any_number_of_kills(tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    moments = random.Random(11)
    promised = -1
    for _ in range(30):
        with ending(
            subprocess.Popen([sys.executable, "-c", WRITER, str(folder), str(promised + 1)], stdout=subprocess.PIPE)
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            give_up = time.monotonic() + moments.uniform(0.0, 0.03)
            while time.monotonic() < give_up:
                pass
            process.kill()
            output = (first + process.stdout.read()).rpartition(b"\n")[0].split()
        promised = int(output[-1])
        verdict = verify(read_log(folder))
        assert verdict.intact, verdict.broken
        assert verdict.behind <= 1
    numbers = [record.content["number"] for record in records(read_log(folder)) if record.event == "step"]
    # Every confirmed record is there, in order; one written but not yet confirmed may be there twice.
    assert sorted(set(numbers)) == list(range(max(numbers) + 1))
    assert max(numbers) >= promised
    assert numbers == sorted(numbers)
