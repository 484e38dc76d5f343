"""The dialects that are read: a new one is its own module and one line here."""

from __future__ import annotations

from fleet.metrics.dialect_set import DialectSet
from fleet.metrics.engines.dynamo import DYNAMO
from fleet.metrics.engines.llama_cpp import LLAMA_CPP
from fleet.metrics.engines.sglang import SGLANG
from fleet.metrics.engines.tgi import TGI
from fleet.metrics.engines.vllm import VLLM
from fleet.metrics.gateways.dynamo_frontend import DYNAMO_FRONTEND
from fleet.metrics.gateways.endpoint_picker import ENDPOINT_PICKER
from fleet.metrics.gateways.litellm import LITELLM
from fleet.metrics.gateways.sglang_router import SGLANG_ROUTER
from fleet.metrics.gateways.vllm_router import VLLM_ROUTER
from fleet.metrics.gpus.amd import AMD
from fleet.metrics.gpus.dcgm import DCGM

ENGINES = DialectSet((VLLM, SGLANG, LLAMA_CPP, TGI, DYNAMO))
"""The engines."""
GATEWAYS = DialectSet((LITELLM, SGLANG_ROUTER, DYNAMO_FRONTEND, ENDPOINT_PICKER, VLLM_ROUTER))
"""Products before engines: gateways and routers."""
GPUS = DialectSet((DCGM, AMD))
"""The exporters of GPUs."""
