"""Examples of acting commands."""

from __future__ import annotations

from typing import Final

Pair = tuple[str, str]
"""The words after the name of the program, and their effect."""

_OF_ACTIONS: Final[dict[str, tuple[Pair, ...]]] = {
    "scale": (
        ("scale chat-8b 5", "to five replicas"),
        ("scale deployment/chat-8b --replicas 5 --dry-run", "only the plan"),
    ),
    "restart": (
        ("restart chat-8b", "one pod at a time"),
        ('restart pod/chat-8b-7c9f-x2k --yes --reason "OPS-12"', "one pod, without confirmation"),
    ),
    "drain": (
        ("drain chat-8b-7c9f-x2k", "stop new requests, evict when the running ones have finished"),
        ("drain node/gpu-node-3 --deadline 600", "all pods of a node, ten minutes at most"),
    ),
    "rollback": (
        ("rollback chat-8b --list", "list the revisions"),
        ("rollback chat-8b --to 11", "to that one"),
    ),
    "pause": (
        ("pause chat-8b", "pause its rollout"),
        ("pause chat-8b --dry-run", "only the plan"),
    ),
    "resume": (
        ("resume chat-8b", "continue it"),
        ("resume chat-8b --dry-run", "only the plan"),
    ),
    "unblock": (
        ("unblock chat-70b --dry-run", "what it would change"),
        ("unblock chat-70b", "replace pods one by one"),
    ),
    "cordon": (
        ("cordon gpu-node-3", "no new pods on it"),
        ('cordon gpu-node-3 --reason "XID 79"', "with a reason for the audit log"),
    ),
    "uncordon": (
        ("uncordon gpu-node-3", "allow pods again"),
        ("uncordon gpu-node-3 --dry-run", "only the plan"),
    ),
    "bounds": (
        ("bounds chat-8b --max 12", "raise the autoscaler's maximum"),
        ("bounds hpa/chat-8b --min 2 --max 8", "both bounds, by the autoscaler's name"),
    ),
    "hold": (
        ("hold embed 4", "KEDA holds four replicas"),
        ("hold embed --off", "let it scale again"),
    ),
    "silence": (
        ("silence TTFTHigh --for 2h", "two hours"),
        ('silence TTFTHigh --for 30m --reason "rollout"', "with a reason that others can read"),
    ),
    "expire": (
        ("expire TTFTHigh", "notify again"),
        ("expire TTFTHigh --dry-run", "only the plan"),
    ),
    "ack": (
        ('ack chat-8b --note "draining node 3, INC-12"', "by the incident's object"),
        ("ack engine-stuck@serving/chat-8b-0 --off", "withdraw it, by the incident's key"),
    ),
    "local up": (
        ("local up ~/models/Qwen3-8B", "a folder"),
        ("local up --like serving/chat-8b-7c9f-x2k", "with the settings of a pod"),
        ("local up org/model -- --enable-lora", "what follows -- is passed to vllm serve"),
    ),
    "local down": (
        ("local down qwen3", "one, after its requests have finished"),
        ("local down --all", "all of them"),
    ),
    "local restart": (
        ("local restart qwen3", "unchanged"),
        ("local restart qwen3 --max-model-len 32K", "with another argument"),
    ),
    "local bench": (
        ("local bench qwen3", "several concurrencies in turn"),
        ("local benches qwen3", "earlier results"),
    ),
    "local undo": (("local undo --dry-run", "only the plan"), ("local undo", "do it")),
    "local ls": (("local ls", "what runs here"), ("local ls -w", "and every change")),
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
        ("local benches qwen3 -o csv", "for one server, for a spreadsheet"),
    ),
    "local entry": (
        ("local entry qwen3", "for every supported gateway"),
        ("local entry qwen3 --for nginx --address 10.0.0.7", "for one"),
    ),
}
"""Examples of commands declared elsewhere: actions, and those of ``local``."""


def of_action(name: str) -> tuple[Pair, ...]:
    """Return the examples of an action, or generic ones."""
    return _OF_ACTIONS.get(name) or _of_any(name)


def _of_any(name: str) -> tuple[Pair, ...]:
    reason = (f'{name} NAME --reason "OPS-12"', "do it, with a reason")
    return (f"{name} NAME --dry-run", "only the plan"), reason
