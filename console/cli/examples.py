"""Examples of actions as commands: what a person would type."""

from __future__ import annotations

from typing import Final, NamedTuple


class UsageExample(NamedTuple):
    """A command line that somebody could type, without the name of the program."""

    words: str
    says: str


_OF_ACTIONS: Final[dict[str, tuple[UsageExample, ...]]] = {
    "scale": (
        UsageExample("scale chat-8b 5", "to five replicas"),
        UsageExample("scale deployment/chat-8b --replicas 5 --dry-run", "the plan alone"),
    ),
    "restart": (
        UsageExample("restart chat-8b", "pod by pod"),
        UsageExample('restart pod/chat-8b-7c9f-x2k --yes --reason "OPS-12"', "one pod, without a question"),
    ),
    "drain": (
        UsageExample("drain chat-8b-7c9f-x2k", "no new requests, then out when the running ones have ended"),
        UsageExample("drain node/gpu-node-3 --deadline 600", "all pods of a node, ten minutes at most"),
    ),
    "rollback": (
        UsageExample("rollback chat-8b --list", "which revisions there are"),
        UsageExample("rollback chat-8b --to 11", "to that one"),
    ),
    "pause": (
        UsageExample("pause chat-8b", "hold its rollout"),
        UsageExample("pause chat-8b --dry-run", "the plan alone"),
    ),
    "resume": (
        UsageExample("resume chat-8b", "let it go on"),
        UsageExample("resume chat-8b --dry-run", "the plan alone"),
    ),
    "unblock": (
        UsageExample("unblock chat-70b --dry-run", "what it would change"),
        UsageExample("unblock chat-70b", "replace pods one by one"),
    ),
    "cordon": (
        UsageExample("cordon gpu-node-3", "no new pod onto it"),
        UsageExample('cordon gpu-node-3 --reason "XID 79"', "with the reason in the audit log"),
    ),
    "uncordon": (
        UsageExample("uncordon gpu-node-3", "pods may come again"),
        UsageExample("uncordon gpu-node-3 --dry-run", "the plan alone"),
    ),
    "bounds": (
        UsageExample("bounds chat-8b --max 12", "let its autoscaler go further"),
        UsageExample("bounds hpa/chat-8b --min 2 --max 8", "both bounds, by the autoscaler's name"),
    ),
    "hold": (
        UsageExample("hold embed 4", "KEDA stays at four"),
        UsageExample("hold embed --off", "and scales again"),
    ),
    "silence": (
        UsageExample("silence TTFTHigh --for 2h", "two hours"),
        UsageExample('silence TTFTHigh --for 30m --reason "rollout"', "with the reason that others read"),
    ),
    "expire": (
        UsageExample("expire TTFTHigh", "people are told again"),
        UsageExample("expire TTFTHigh --dry-run", "the plan alone"),
    ),
    "local up": (
        UsageExample("local up ~/models/Qwen3-8B", "a folder"),
        UsageExample("local up --like serving/chat-8b-7c9f-x2k", "the same as a pod"),
        UsageExample("local up org/model -- --enable-lora", "what stands behind -- goes to vllm serve"),
    ),
    "local down": (
        UsageExample("local down qwen3", "one, when its requests have ended"),
        UsageExample("local down --all", "all of them"),
    ),
    "local restart": (
        UsageExample("local restart qwen3", "as it was"),
        UsageExample("local restart qwen3 --max-model-len 32K", "with another argument"),
    ),
    "local bench": (
        UsageExample("local bench qwen3", "some concurrencies, one after the other"),
        UsageExample("local benches qwen3", "what was measured before"),
    ),
    "local undo": (UsageExample("local undo --dry-run", "what it would do"), UsageExample("local undo", "do it")),
    "local ls": (UsageExample("local ls", "what runs here"), UsageExample("local ls -w", "and whatever becomes of it")),
    "local logs": (
        UsageExample("local logs qwen3 -f", "follow it"),
        UsageExample("local logs qwen3 --tail 50", "its end"),
    ),
    "local try": (
        UsageExample('local try qwen3 "Say hello"', "one prompt"),
        UsageExample("local try qwen3 --tokens 32 count to ten", "a short answer"),
    ),
    "local benches": (
        UsageExample("local benches", "all of them"),
        UsageExample("local benches qwen3 -o csv", "of one server, for a spreadsheet"),
    ),
    "local entry": (
        UsageExample("local entry qwen3", "for every gateway that is known"),
        UsageExample("local entry qwen3 --for nginx --address 10.0.0.7", "for one"),
    ),
}
"""Examples of commands whose words are declared elsewhere: actions, and those of ``local``."""


def of_action(name: str) -> tuple[UsageExample, ...]:
    """Examples of an action; of one that has none of its own those that any has."""
    return _OF_ACTIONS.get(name) or _of_any(name)


def _of_any(name: str) -> tuple[UsageExample, ...]:
    reason = UsageExample(f'{name} NAME --reason "OPS-12"', "do it, and say why")
    return UsageExample(f"{name} NAME --dry-run", "the plan alone"), reason
