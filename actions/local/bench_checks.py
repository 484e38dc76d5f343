"""Checks of a benchmark of a server on this machine."""

from __future__ import annotations

from actions.kinds.local_bench import LocalBench
from actions.local.machine import Installed
from actions.number_words import count
from actions.planning.plan import Check, Verdict
from fleet.local.errors import LocalError
from fleet.local.served_models import ServedModel, served_models
from fleet.local.server import Phase, ServerState
from fleet.local.server_load import LoadProbe


def check_ready(state: ServerState) -> Check:
    """Check that it serves."""
    phase = state.stage.phase
    if phase is Phase.READY:
        return Check("server", Verdict.PASS, f"it is ready at {state.record.spec.url}")
    text = "it has died: nothing can be measured" if phase is Phase.DEAD else f"it is not ready yet: {phase.value}"
    return Check("server", Verdict.BLOCK, text, "Start it again." if phase is Phase.DEAD else "Wait until it is ready.")


def check_tool(tool: Installed | None) -> Check:
    """Check that its vLLM can run benchmarks."""
    if tool is None:
        fix = "pip install 'quarterdeck[local]', or name one in the settings (local.vllm)"
        return Check("tool", Verdict.BLOCK, "there is no vllm on this machine to measure with", fix)
    version = f"vLLM {tool.version}" if tool.version else "this vLLM"
    if not tool.benches:
        fix = "vLLM 0.9 and later have it: pip install -U vllm"
        return Check("tool", Verdict.BLOCK, f"{version} has no `vllm bench serve` ({tool.executable})", fix)
    return Check("tool", Verdict.PASS, f"{version} has `vllm bench serve`")


def check_sizes(asked: LocalBench) -> Check:
    """Check that the numbers make a sweep."""
    numbers = (*asked.concurrency, asked.prompt_tokens, asked.output_tokens)
    if not asked.concurrency or min(numbers) < 1 or asked.requests < 0:
        return Check("sizes", Verdict.BLOCK, "it needs levels of concurrency and lengths, each at least 1")
    return Check("sizes", Verdict.PASS, f"{count(len(asked.concurrency), 'level')}, one after the other")


async def look_at_models(state: ServerState) -> tuple[ServedModel, ...] | LocalError:
    """Return the models that the server reports, or the error."""
    if state.stage.phase is not Phase.READY:
        return ()
    try:
        return await served_models(state.record)
    except LocalError as error:
        return error


def check_lengths(asked: LocalBench, found: tuple[ServedModel, ...] | LocalError, served: str) -> Check:
    """Check that prompt and output fit into the model's length."""
    about, wanted = "length", asked.prompt_tokens + asked.output_tokens
    if isinstance(found, LocalError):
        return Check(about, Verdict.WARN, f"the maximum length of a request is not known: {found.message}")
    longest = next((model.max_model_len for model in found if model.name == served), 0)
    if not longest:
        return Check(
            about, Verdict.WARN, f"it does not report the maximum length of a request; these have {wanted} tokens"
        )
    both = f"{asked.prompt_tokens} tokens and {asked.output_tokens} of output"
    if wanted > longest:
        fix = f"Use at most {longest} tokens in total."
        return Check(about, Verdict.BLOCK, f"{both} are more than its {longest} (max_model_len)", fix)
    return Check(about, Verdict.PASS, f"{both} fit into its {longest} (max_model_len)")


async def check_others(state: ServerState) -> Check:
    """Check for other current requests."""
    about = "others"
    async with LoadProbe(state.record) as probe:
        load = await probe.load()
    if load is None:
        return Check(about, Verdict.WARN, "it does not report its requests: those of others may affect the results")
    if load.requests:
        what = f"{load.running:.0f} running and {load.waiting:.0f} waiting requests of others"
        return Check(about, Verdict.WARN, f"{what}: they affect the results, and will wait longer")
    return Check(about, Verdict.PASS, "nobody else uses it now; requests that arrive meanwhile wait longer")
