"""An engine, a gateway and an exporter of GPUs that nobody knows: their dialects, and what they answer.

Their names, labels and units are as odd as the recipe allows. Nothing of the product may mention them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from fleet.metrics.dialect import Dialect, GpuLabels, Match, Metric, MetricType, Op, Proof, Rule
from fleet.metrics.flags import Flags
from fleet.metrics.product import Product
from fleet.metrics.registry import ENGINES, GATEWAYS, GPUS
from fleet.model.quantity import Family, Quantity

_C = MetricType.COUNTER
_REFUSED = (Match("code", Op.MATCHES, "429|503"),)

ENGINE = Dialect(
    product=Product(
        "Quacker",
        programs=(("quackd", "swim"),),
        images=("/quackd",),
        prefixes=("quack_",),
        port=7411,
        path="/quacks",
        flags=Flags(port=("--pond",), model=("--duck",), name=("--called",)),
    ),
    proof=Proof.DOCUMENTATION,
    prefixes=("quack_", "zoo_quack_"),
    present=(Quantity.RUNNING,),
    model_labels=("llm",),
    rank_labels=("shard",),
    rules={
        Quantity.RUNNING: Rule((Metric("quack_busy"),)),
        Quantity.WAITING: Rule((Metric("quack_line"),)),
        Quantity.KV_USAGE: Rule((Metric("quack_cache_percent", scale=0.01),)),
        Quantity.GENERATION_TOKENS: Rule((Metric("quack_kilowords", _C, scale=1000.0),)),
    },
    families={Family.TTFT: ("quack_first_seconds",)},
)
NAMELESS = Dialect(
    product=Product(
        "Mute", programs=(("mute-server",),), prefixes=("mute_",), port=7412, flags=Flags(model=("--swan",))
    ),
    proof=Proof.DOCUMENTATION,
    prefixes=("mute_",),
    present=(Quantity.RUNNING,),
    model_labels=(),
    rank_labels=(),
    rules={
        Quantity.RUNNING: Rule((Metric("mute_busy"),)),
        Quantity.GENERATION_TOKENS: Rule((Metric("mute_words_total", _C),)),
    },
    families={Family.ITL: ("mute_pause_ms",)},
    phases={Quantity.DECODE_MEAN: ("mute_pause_ms",)},
    per_second={"mute_pause_ms": 1000.0},
)
GATEWAY = Dialect(
    product=Product("Drake", apps=("drake-gate",), prefixes=("drake_",), port=7413, path="/admin/numbers"),
    proof=Proof.DOCUMENTATION,
    prefixes=("drake_",),
    present=(Quantity.GATEWAY_IN_FLIGHT,),
    model_labels=("asked",),
    backend_labels=("to",),
    rules={
        Quantity.GATEWAY_IN_FLIGHT: Rule((Metric("drake_open"),)),
        Quantity.GATEWAY_QUEUED: Rule((Metric("drake_line"),)),
        Quantity.GATEWAY_REQUESTS: Rule((Metric("drake_answers_total", _C),)),
        Quantity.GATEWAY_REJECTIONS: Rule(
            (Metric("drake_answers_total", _C, where=_REFUSED),), zero_beside=Quantity.GATEWAY_REQUESTS
        ),
        Quantity.GATEWAY_RETRIES: Rule((Metric("drake_again_total", _C),)),
        Quantity.GATEWAY_BREAKERS: Rule((Metric("drake_fence", state=3.0),)),
    },
    families={Family.GATEWAY_E2E: ("drake_microseconds",)},
    per_second={"drake_microseconds": 1e6},
)
EXPORTER = Dialect(
    product=Product("cardwatch", apps=("cardwatch",), prefixes=("cardwatch_",), port=7414, path="/cards"),
    proof=Proof.DOCUMENTATION,
    prefixes=("cardwatch_", "site_cardwatch_"),
    present=(Quantity.GPU_TEMPERATURE,),
    masks={"cardwatch_slow": ((2, "moulting"), (4, "asleep"))},
    gpu=GpuLabels(uuid=("card",), node=("host",), ordinal=("slot",), instance=("slice",), model=("board",)),
    rules={
        Quantity.GPU_TEMPERATURE: Rule((Metric("cardwatch_heat"),)),
        Quantity.GPU_UTIL: Rule((Metric("cardwatch_busy_permille", scale=0.001),)),
        Quantity.GPU_POWER: Rule((Metric("cardwatch_milliwatts", scale=0.001),)),
    },
)


@contextmanager
def known() -> Iterator[None]:
    """Register the toys as dialects, as one line each in the registry would."""
    with ENGINES.adding(ENGINE, NAMELESS), GATEWAYS.adding(GATEWAY), GPUS.adding(EXPORTER):
        yield


def engine_page(seconds: float, model: str = "duck", shard: str = "north", prefix: str = "quack_") -> str:
    """Return Quacker's page so long after its start: 20 tokens/s, one request a second, half of them within 1 s."""
    labels = f'llm="{model}",shard="{shard}"'
    return f"""\
{prefix}busy{{{labels}}} 3
{prefix}line{{{labels}}} 2
{prefix}cache_percent{{{labels}}} 40
{prefix}kilowords{{{labels}}} {0.02 * seconds}
{_histogram(f"{prefix}first_seconds", labels, seconds)}"""


def nameless_page(seconds: float) -> str:
    """Return Mute's page: 7 tokens/s, and no labels at all."""
    return f"mute_busy 1\nmute_words_total {7 * seconds}\n{_histogram('mute_pause_ms', '', seconds, 1000)}"


def gateway_page(seconds: float, backends: tuple[str, ...], model: str = "duck") -> str:
    """Return Drake's page: 5 requests/s, 2 of them refused, 1 retry a second; one open request per server behind it."""
    behind = "".join(f'drake_open{{to="http://{backend}"}} 1\n' for backend in backends)
    fences = "".join(f'drake_fence{{to="http://{backend}"}} 3\n' for backend in backends)
    return f"""\
{behind}{fences}drake_line{{asked="{model}",class="gold"}} 4
drake_line{{asked="{model}",class="tin"}} 5
drake_answers_total{{asked="{model}",code="200"}} {3 * seconds}
drake_answers_total{{asked="{model}",code="429"}} {1.5 * seconds}
drake_answers_total{{asked="{model}",code="503"}} {0.5 * seconds}
drake_again_total{{asked="{model}"}} {seconds}
{_histogram("drake_microseconds", f'asked="{model}"', seconds, 10**6)}"""


def card_page(pod: str, namespace: str = "llm", prefix: str = "cardwatch_") -> str:
    """Return cardwatch's page: one card, half busy."""
    labels = f'card="C-1",host="n1",slot="0",board="Feather 9",namespace="{namespace}",pod="{pod}"'
    return f"""\
{prefix}heat{{{labels}}} 61
cardwatch_slow{{{labels}}} 3
{prefix}busy_permille{{{labels}}} 500
{prefix}milliwatts{{{labels}}} 250000
"""


def _histogram(name: str, labels: str, seconds: float, per_second: int = 1) -> str:
    edges = {f"{0.5 * per_second:g}": 0.0, f"{per_second}": 0.5 * seconds, f"{2 * per_second}": seconds}
    edges["+Inf"] = seconds
    le = [f'{name}_bucket{{{labels}{"," if labels else ""}le="{edge}"}} {count}' for edge, count in edges.items()]
    ends = f"{{{labels}}}" if labels else ""
    return "\n".join([*le, f"{name}_sum{ends} {seconds * per_second}", f"{name}_count{ends} {seconds}", ""])
