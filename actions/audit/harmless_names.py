"""Known harmless names of variables, flags and parameters, and patterns of harmless values.

The opposite, a list of all secrets, cannot be complete. What is not listed here is hidden, and can be added.
"""

from __future__ import annotations

import re
from typing import Final

from fleet.metrics.products import known_flags, variable_prefixes
from fleet.model.gpu_vendors import VARIABLES

_WORDS: Final = (
    "auto|none|null|nil|true|false|yes|no|on|off|enabled?|disabled?|default|all|any|always|never|"
    "trace|debug|info|warn(?:ing)?|error|critical|fatal|"
    "(?:b?float|fp|bf|u?int|nf|mxfp|nvfp)\\d{1,2}(?:_?e\\dm\\d\\w{0,4})?|half|double|fp8_(?:ds_mla|inc)|"
    "fcfs|priority|spawn|fork|forkserver|mp|ray|uni|cuda|cpu|gpu|rocm|tpu|xpu|hpu|neuron|nccl|gloo|"
    "json|ya?ml|text|table|wide|name|csv|html|prod(?:uction)?|staging|test|dev(?:elopment)?|local|localhost"
)
_VALUE: Final = re.compile(
    rf"""(?:{_WORDS})
    # 8192, 0.9, 0,1, 16GiB, 30s
    |[-+]?\d{{1,15}}(?:[.,:/]\d{{1,15}}){{0,6}}\ ?(?:%|[kKMGTPE]?i?[Bb]?|[mun]?s|m|min|h|d|[mun]|tok/s|W|C)?
    |\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+|/\d+)?  # an address
    |v?\d+(?:\.\d+){{1,3}}(?:[-+.](?:rc|post|dev|cu|cpu|rocm)?\d*)*  # a version
    |\d{{4}}-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[-+]\d\d:?\d\d)?)?  # a moment
    """,
    re.IGNORECASE | re.VERBOSE,
)
_PATH: Final = re.compile(r"(?:~|\.{1,2})?(?:/[\w.@+-]+){2,}/?|(?:~|\.{1,2})/[\w.@+-]+/?|/[a-z][a-z0-9.-]{0,15}/?")
_REFERENCE: Final = re.compile(r"\$\(\w+\)|\$\{\w+\}|…|\.\.\.|\*{3,}|\[redacted\]|<[a-z][a-z -]*>")
"""Placeholders for a value: ``$(API_KEY)`` of a manifest, the dots of a message."""


def is_reference(value: str) -> bool:
    """True if it only refers to a value: harmless whatever its name."""
    return _REFERENCE.fullmatch(value) is not None


def is_path(value: str) -> bool:
    """True if it looks like a file path."""
    return _PATH.fullmatch(value) is not None


def is_harmless(value: str) -> bool:
    """True if a value under a neutral name does not look like a secret."""
    return _VALUE.fullmatch(value) is not None or is_path(value) or is_reference(value)


_VARIABLE: Final = re.compile(
    r"(?:OMP|MKL|KMP|OPENBLAS|TORCH|TORCHINDUCTOR|PYTORCH|TRITON|PYTHON|UCX|GLOO|RAY|TRANSFORMERS|TOKENIZERS?|HF_HUB|"
    r"HF_DATASETS|XLA|JAX|TPU|LC|XDG|FLASHINFER|LMCACHE|"
    r"SAFETENSORS|MALLOC|KUBERNETES|PROMETHEUS_MULTIPROC|DO_NOT|QUARTERDECK)_\w+"
    r"|HF_HOME|HF_ENDPOINT|HOME|PATH|PWD|OLDPWD|USER|LOGNAME|SHELL|LANG|LANGUAGE|TERM|COLORTERM|TZ|HOSTNAME|TMPDIR|"
    r"LD_LIBRARY_PATH|LD_PRELOAD|NO_COLOR|NO_PROXY|EDITOR|PAGER|LIBRARY_PATH|MANPATH"
    r"|(?:\w+_)?(?:LEVEL|PORT|PORTS|HOST|ADDR|ADDRESS|DIR|FOLDER|HOME|ROOT|TIMEOUT|SIZE|COUNT|DEVICES?|BACKEND|NAMESPACE|"
    r"REGION|ZONE|CLUSTER|ENVIRONMENT|VERSION|REVISION|MODE|TYPE|DTYPE|FORMAT|MODEL|MODEL_ID|MODEL_NAME|MODEL_PATH|"
    r"SERVED_MODEL_NAME|SERVICE|APP|POD_NAME|POD_IP|NODE_NAME|REPLICAS?|WORKERS?|THREADS?|INTERVAL|LIMIT|PARALLELISM|"
    r"IMAGE|TAG|ARCH|PLATFORM|GPU|GPUS|RANK|VERBOSE|VERBOSITY|ROLE)",
)
"""Harmless variables, including prefixes and suffixes that no secret has. Names that suggest a secret take
precedence.
"""
_WORD: Final = re.compile(r"\w+")


def is_known_variable(name: str) -> bool:
    """True if values of this environment variable may be shown."""
    of_products = name.startswith((*variable_prefixes(), *VARIABLES)) and _WORD.fullmatch(name) is not None
    return of_products or _VARIABLE.fullmatch(name) is not None


_FLAGS_LISTED: Final = """
    model port seed device revision shm-size namespace context cluster kubeconfig output selector
    field-selector label-selector container filename file dir replicas image tail since until to for timeout
    grace-period grace kubelet-root format name names person target action reason address prometheus refresh
    theme pods concurrency requests prompt-tokens output-tokens preset like env deadline at-deadline min max
    group config scenario speed header data rm it entrypoint network volume mount gpus ipc restart workdir url
    method request anchor type dry-run cascade propagation-policy n o l f A c t q ctx v H e x X
"""
_FLAGS: Final = frozenset(_FLAGS_LISTED.split())
"""Flags of this program, of kubectl, curl and docker; those of engines are data of their products."""
_SWITCH: Final = re.compile(r"(?:enable|disable|no|enforce|trust|skip)(?:-\w+)*")
"""Flags that take no value: the word after one is not its value."""
_SWITCHES_LISTED: Final = """
    yes force wait watch verify json table read-only all-namespaces detach follow logs proxy serve list off
    headless delete-emptydir-data replacement-first help version verbose quiet debug silent insecure location
    fail s S L k i y h A it rm privileged recursive overwrite
    ignore-eos save-result allow-credentials use-tqdm
"""
_SWITCHES: Final = frozenset(_SWITCHES_LISTED.split())


def is_listed_flag(name: str) -> bool:
    """True if values of this command line flag may be shown."""
    spelled = name.replace("_", "-")
    return spelled in _FLAGS or spelled in known_flags().shown


def is_switch(flag: str) -> bool:
    """True if it takes no value."""
    name = flag.lstrip("-").replace("_", "-")
    return name in _SWITCHES or _SWITCH.fullmatch(name) is not None or name in known_flags().switches


_PARAMETERS_LISTED: Final = """
    limit continue resourceversion resourceversionmatch watch allowwatchbookmarks timeoutseconds
    sendinitialevents labelselector fieldselector fieldmanager fieldvalidation dryrun force pretty
    propagationpolicy graceperiodseconds container tailLines taillines sinceseconds sincetime follow previous
    timestamps limitbytes orphandependents query match match[] start end step time timeout dedup
    partial_response max_source_resolution target_match_label filter active silenced inhibited page per_page
    size offset sort order from to tab view orgid var-namespace namespace name model id version format lang
    panelid viewpanel refresh
"""
_PARAMETERS: Final = frozenset(_PARAMETERS_LISTED.split())


def is_known_parameter(name: str) -> bool:
    """True if values of this URL parameter may be shown."""
    return name.lower() in _PARAMETERS


_BEHIND_LISTED: Final = """
    a an and are as at be behind but by cannot does for from goes has have if in into is it its makes means must
    need needs not of on one only or says shows so stands takes than that the them then there they this to was
    were when where which while will with you your
"""
_BEHIND: Final = frozenset(_BEHIND_LISTED.split())


def is_prose(word: str) -> bool:
    """True if a word after a flag continues the sentence that mentions the flag."""
    return word.rstrip(",.;:)") in _BEHIND
