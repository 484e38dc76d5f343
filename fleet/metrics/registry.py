"""The dialects that are read: one more is a module of its own and one line here."""

from __future__ import annotations

from fleet.metrics.dialect import Dialects
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.gpus.dcgm import DCGM

ENGINES = Dialects((VLLM,))
"""The engines."""
GPUS = Dialects((DCGM,))
"""The exporters of GPUs."""
