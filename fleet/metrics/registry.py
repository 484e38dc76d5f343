"""The dialects that are read: one more is a module of its own and one line here."""

from __future__ import annotations

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.gpus.dcgm import DCGM

ENGINES = DialectSet((VLLM,))
"""The engines."""
GATEWAYS = DialectSet()
"""What stands before engines: gateways and routers."""
GPUS = DialectSet((DCGM,))
"""The exporters of GPUs."""
