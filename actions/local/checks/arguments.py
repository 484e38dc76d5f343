"""Arguments passed on unchanged: none of them may repeat a field, or contain a secret."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from actions.audit.redaction import redacted_arguments
from actions.audit.secret_names import is_secret_field
from actions.planning.plan import Check, Verdict
from fleet.local.arguments import BY_FLAG

_FIELDS: Final = {"--model": "model"} | {flag: each.name.replace("_", " ") for flag, each in BY_FLAG.items()}
_SECRETS: Final = {"--api-key": "VLLM_API_KEY", "--hf-token": "HF_TOKEN"}
SHORTEST: Final = len("--api-k")
_FLAG: Final = re.compile(r"(--?[A-Za-z][\w-]*)")


def check_extra(extra: Sequence[str]) -> Check | None:
    """Check the extra arguments; None where there are none."""
    about = "arguments"
    if not extra:
        return None
    for word in extra:
        match = _FLAG.match(word)
        flag = match[1].replace("_", "-") if match else ""
        # argparse accepts an unambiguous prefix of a flag.
        if len(flag) >= SHORTEST and (secret := next((name for name in _SECRETS if name.startswith(flag)), "")):
            flag = secret
            what = f"{flag} would be on the command line, which everybody on this machine can read"
            return Check(about, Verdict.BLOCK, what, f"give it with --env {_SECRETS[flag]}=…, or omit it")
        if match and is_secret_field(flag.lstrip("-")):
            what = f"{flag} would be on the command line, which everybody on this machine can read"
            return Check(about, Verdict.BLOCK, what, "give it in a file that vLLM reads (--config), or omit it")
        if flag in _FIELDS:
            what = f"{flag} follows --, but quarterdeck has its own flag for {_FIELDS[flag]}"
            return Check(about, Verdict.BLOCK, what, f"give {flag} before the --")
    return Check(about, Verdict.PASS, f"passed on unchanged: {' '.join(redacted_arguments(extra))}")
