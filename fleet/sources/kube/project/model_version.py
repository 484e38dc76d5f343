"""The model of a pod template, from its image, arguments and environment.

The first evidence wins: arguments (the product's data says which flags, or the first word), then the environment.
Values from secrets or config maps are never read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fleet.json_fields import Raw, text, texts
from fleet.metrics.product import Product
from fleet.metrics.products import engines, model_variables
from fleet.model.objects import ModelVersion
from fleet.sources.kube.interner import Interner
from fleet.sources.kube.project.serving import (
    Start,
    commands_of,
    engine_container,
    environment_of,
    flag,
    gateway_of,
    is_value,
    server_of,
    starts,
)
from fleet.sources.kube.project.shell import commands

_UNKNOWN = Product("")
_MODEL_VARIABLES = ("MODEL", "MODEL_ID", "MODEL_NAME", "HF_MODEL_ID")
_NOTHING = ModelVersion()


def model_version(spec: Raw, image_ids: Mapping[str, str], interner: Interner) -> ModelVersion:
    """The model version of a pod template; ``image_ids`` is container name → status.imageID, empty for a template."""
    container = engine_container(spec)
    if container is None:
        return _NOTHING
    image = text(container, "image")
    environment = environment_of(container)
    found = commands_of(container)
    start = next(starts(found), None)
    engine = server_of(container, found) or gateway_of(container, found) or _UNKNOWN
    words = start.command if start else tuple(word for command in found for word in command)
    model = next((value for name in engine.flags.model if (value := flag(words, name))), "") or _served(start)
    if not model and not texts(container, "command") and words[:1] and is_value(words[0]) and _takes_model(image):
        model = words[0]
    if not model:
        model = next((v for name in (*_MODEL_VARIABLES, *model_variables()) if (v := environment.get(name))), "")
    served = next((value for name in engine.flags.name if (value := flag(words, name))), "")
    share = interner.share
    return share(
        ModelVersion(
            image=share(image),
            digest=share(digest_of(image_ids.get(text(container, "name"), ""))),
            model=share(model),
            served_name=share(served or model),
            revision=share(next((value for name in engine.flags.revision if (value := flag(words, name))), "")),
        )
    )


def command_words(command: Sequence[str], args: Sequence[str]) -> list[str]:
    """Return the words of a command line; if it passes a script to a shell, those of the script."""
    return [word for simple in commands(command, args) for word in simple]


def _takes_model(image: str) -> bool:
    """True if the first argument of an image's entrypoint is the model."""
    return any(word in image for engine in engines() for word in engine.entrypoints)


def _served(start: Start | None) -> str:
    """X of ``serve --port 8000 X``: the first word that is neither a flag nor the value of one."""
    if start is None or not start.engine.positional:
        return ""
    flags, taken, several = start.engine.flags, False, False
    for word in start.command:
        name, equals, _ = word.partition("=")
        name = name.replace("_", "-")
        if word == "--":
            taken = several = False
        elif word.startswith("-"):
            alone = bool(equals) or name in flags.switches or name.startswith(flags.switch_prefixes)
            taken, several = not alone, name in flags.several and not alone
        elif taken:
            taken = several
        elif word and not word.startswith((">", "<", "2>", "&>")):
            return word
    return ""


def digest_of(image_id: str) -> str:
    """``sha256:…`` of an imageID, which may be a pullable reference or name a local image."""
    return image_id[image_id.index("sha256:") :] if "sha256:" in image_id else ""
