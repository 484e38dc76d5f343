"""Which model a pod template runs, from its image, arguments and environment.

The first evidence there is wins: arguments (``--model``, the positional of ``vllm serve``, ``--model-path`` of SGLang,
``--model-id`` of TGI), then the environment. Values that come from secrets or config maps are never read.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence

from fleet.kube.project.fields import Interner, Raw, mappings, text, texts
from fleet.kube.project.gpu import container_gpus
from fleet.model.objects import ModelVersion

_MODEL_FLAGS = ("--model", "--model-path", "--model-id")
_MODEL_VARIABLES = ("MODEL", "MODEL_ID", "MODEL_NAME", "HF_MODEL_ID", "VLLM_MODEL")
_SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh"})
_VARIABLE = re.compile(r"\$(?:\((\w+)\)|\{(\w+)\}|(\w+))")

_NOTHING = ModelVersion()


def model_version(spec: Raw, image_ids: Mapping[str, str], interner: Interner) -> ModelVersion:
    """The model version of a pod template; ``image_ids`` is container name → status.imageID, empty for a template."""
    container = engine_container(mappings(spec, "containers"))
    if container is None:
        return _NOTHING
    image = text(container, "image")
    environment = {
        text(variable, "name"): text(variable, "value")
        for variable in mappings(container, "env")
        if "valueFrom" not in variable
    }
    words = command_words(texts(container, "command"), texts(container, "args"))
    words = [_expanded(word, environment) for word in words]
    model = next((value for flag in _MODEL_FLAGS if (value := _flag(words, flag))), "") or _served(words)
    if not model and not texts(container, "command") and "vllm" in image and words[:1] and _is_value(words[0]):
        # The entrypoint of the newer vLLM images is `vllm serve`: the first argument is the model.
        model = words[0]
    if not model:
        model = next((environment[name] for name in _MODEL_VARIABLES if environment.get(name)), "")
    share = interner.share
    return share(
        ModelVersion(
            image=share(image),
            digest=share(_digest(image_ids.get(text(container, "name"), ""))),
            model=share(model),
            served_name=share(_flag(words, "--served-model-name") or model),
            revision=share(_flag(words, "--revision")),
        )
    )


def command_words(command: Sequence[str], args: Sequence[str]) -> list[str]:
    """The words of a command line; a script given to ``sh -c`` is split into its words too."""
    words = [*command, *args]
    if len(words) < 3 or words[0].rsplit("/", 1)[-1] not in _SHELLS:
        return words
    for number, word in enumerate(words[1:-1], start=1):
        if re.fullmatch(r"-[a-z]*c[a-z]*", word):
            return _split(words[number + 1])
    return words


def _split(script: str) -> list[str]:
    # A trailing backslash-newline joins lines; what the shell would do beyond that does not matter for finding flags.
    try:
        return shlex.split(script.replace("\\\n", " "), comments=True)
    except ValueError:
        return script.split()


def engine_container(containers: list[Raw]) -> Raw | None:
    """The container that runs the model: the one with GPUs, else one that names a model, else the first."""
    for container in containers:
        if container_gpus(container):
            return container
    for container in containers:
        words = command_words(texts(container, "command"), texts(container, "args"))
        if _served(words) or any(_flag(words, flag) for flag in _MODEL_FLAGS):
            return container
    return containers[0] if containers else None


def _flag(words: Sequence[str], flag: str) -> str:
    """The value of ``--flag value`` or ``--flag=value``; argparse takes ``_`` for ``-`` in vLLM's flags."""
    for number, word in enumerate(words):
        name, equals, value = word.partition("=")
        if name.startswith("--") and name.replace("_", "-") == flag:
            if equals:
                return value
            if number + 1 < len(words) and _is_value(words[number + 1]):
                return words[number + 1]
    return ""


def _served(words: Sequence[str]) -> str:
    """X of ``vllm serve X``."""
    for number in range(len(words) - 2):
        program = words[number].rsplit("/", 1)[-1]
        if program == "vllm" and words[number + 1] == "serve" and _is_value(words[number + 2]):
            return words[number + 2]
    return ""


def _is_value(word: str) -> bool:
    return bool(word) and not word.startswith("-")


def _expanded(word: str, environment: Mapping[str, str]) -> str:
    """``$(NAME)`` of Kubernetes and ``$NAME`` of the shell, where the template itself gives the value."""
    if "$" not in word:
        return word
    return _VARIABLE.sub(lambda match: environment.get(match[1] or match[2] or match[3], match[0]), word)


def _digest(image_id: str) -> str:
    """``sha256:…`` of an imageID, which may be a pullable reference or name a local image."""
    return image_id[image_id.index("sha256:") :] if "sha256:" in image_id else ""
