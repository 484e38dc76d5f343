"""Examples of acting commands."""

from __future__ import annotations

from typing import Final

Pair = tuple[str, str]
"""The words after the name of the program, and their effect."""

_OF_ACTIONS: Final[dict[str, tuple[Pair, ...]]] = {
    "scale": (
        ("scale chat-8b 5", "to five replicas"),
        ("scale deployment/chat-8b --replicas 5 --dry-run", "the plan alone"),
    ),
    "restart": (
        ("restart chat-8b", "pod by pod"),
        ('restart pod/chat-8b-7c9f-x2k --yes --reason "OPS-12"', "one pod, without a question"),
    ),
    "drain": (
        ("drain chat-8b-7c9f-x2k", "no new requests, then out when the running ones have ended"),
        ("drain node/gpu-node-3 --deadline 600", "all pods of a node, ten minutes at most"),
    ),
    "rollback": (
        ("rollback chat-8b --list", "which revisions there are"),
        ("rollback chat-8b --to 11", "to that one"),
    ),
    "pause": (
        ("pause chat-8b", "hold its rollout"),
        ("pause chat-8b --dry-run", "the plan alone"),
    ),
    "resume": (
        ("resume chat-8b", "let it go on"),
        ("resume chat-8b --dry-run", "the plan alone"),
    ),
    "unblock": (
        ("unblock chat-70b --dry-run", "what it would change"),
        ("unblock chat-70b", "replace pods one by one"),
    ),
    "cordon": (
        ("cordon gpu-node-3", "no new pod onto it"),
        ('cordon gpu-node-3 --reason "XID 79"', "with the reason in the audit log"),
    ),
    "uncordon": (
        ("uncordon gpu-node-3", "pods may come again"),
        ("uncordon gpu-node-3 --dry-run", "the plan alone"),
    ),
    "bounds": (
        ("bounds chat-8b --max 12", "let its autoscaler go further"),
        ("bounds hpa/chat-8b --min 2 --max 8", "both bounds, by the autoscaler's name"),
    ),
    "hold": (
        ("hold embed 4", "KEDA stays at four"),
        ("hold embed --off", "and scales again"),
    ),
    "silence": (
        ("silence TTFTHigh --for 2h", "two hours"),
        ('silence TTFTHigh --for 30m --reason "rollout"', "with the reason that others read"),
    ),
    "expire": (
        ("expire TTFTHigh", "people are told again"),
        ("expire TTFTHigh --dry-run", "the plan alone"),
    ),
    "ack": (
        ('ack chat-8b --note "draining node 3, INC-12"', "by the object of the incident"),
        ("ack engine-stuck@serving/chat-8b-0 --off", "take it back, by the incident's key"),
    ),
    "local up": (
        ("local up ~/models/Qwen3-8B", "a folder"),
        ("local up --like serving/chat-8b-7c9f-x2k", "the same as a pod"),
        ("local up org/model -- --enable-lora", "what stands behind -- goes to vllm serve"),
    ),
    "local down": (
        ("local down qwen3", "one, when its requests have ended"),
        ("local down --all", "all of them"),
    ),
    "local restart": (
        ("local restart qwen3", "as it was"),
        ("local restart qwen3 --max-model-len 32K", "with another argument"),
    ),
    "local bench": (
        ("local bench qwen3", "some concurrencies, one after the other"),
        ("local benches qwen3", "what was measured before"),
    ),
    "local undo": (("local undo --dry-run", "what it would do"), ("local undo", "do it")),
    "local ls": (("local ls", "what runs here"), ("local ls -w", "and whatever becomes of it")),
    "local logs": (
        ("local logs qwen3 -f", "follow it"),
        ("local logs qwen3 --tail 50", "its end"),
    ),
    "local try": (
        ('local try qwen3 "Say hello"', "one prompt"),
        ("local try qwen3 --tokens 32 count to ten", "a short answer"),
    ),
    "local benches": (
        ("local benches", "all of them"),
        ("local benches qwen3 -o csv", "of one server, for a spreadsheet"),
    ),
    "local entry": (
        ("local entry qwen3", "for every gateway that is known"),
        ("local entry qwen3 --for nginx --address 10.0.0.7", "for one"),
    ),
}
"""Examples of commands declared elsewhere: actions, and those of ``local``."""


def of_action(name: str) -> tuple[Pair, ...]:
    """Return the examples of an action, or generic ones."""
    return _OF_ACTIONS.get(name) or _of_any(name)


def _of_any(name: str) -> tuple[Pair, ...]:
    reason = (f'{name} NAME --reason "OPS-12"', "do it, and say why")
    return (f"{name} NAME --dry-run", "the plan alone"), reason
