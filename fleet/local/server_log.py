"""The log of a server on this machine, in vLLM's words: why it died, and its lines without their prefixes."""

from __future__ import annotations

from typing import Final

from fleet.metrics.engines.vllm_log import VLLM_LOG
from fleet.model.log_reader import LogReader

_READER: Final = LogReader((VLLM_LOG,))
reason_of: Final = _READER.reason_of
without_process: Final = _READER.without_process
