"""Pseudonyms: equal texts get equal ones everywhere, and each names its kind.

Public words (of Kubernetes, of engines, numbers) stay. A pseudonym cannot be reversed: the mapping is only in memory,
while a recording is scrubbed.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from ipaddress import ip_address
from typing import Final

from fleet.kinds.registry import KINDS
from fleet.metrics.products import engines, known_flags
from fleet.metrics.registry import GATEWAYS, GPUS
from fleet.model.gpu_vendors import VENDORS
from fleet.timeline.field_managers import is_common_tool

_PUBLIC: Final = """
    true false none null auto http https metrics grpc tcp udp default localhost 0.0.0.0 127.0.0.1 :: /metrics
    kube-system kube-public kube-node-lease serve server api_server worker head leader prefill decode python
    python3 python3.10 python3.11 python3.12 sh bash /bin/sh /bin/bash -c -m -u env exec ray start half float16
    bfloat16 float32 fp8 int8 awq gptq fp8_e4m3 fp8_e5m2 mp nccl cuda rocm info debug warning error
    critical page firing pending
"""
"""Values that identify nobody."""
_WORDS: Final = """
    a able about above access add added address after again age all allocatable allowed already also an and
    annotation another answer answered answers any api are as asked at available back back-off backoff be
    because been before began below between both but by bytes can cannot card cards change changed check claim
    claims cluster clusters code completed condition conditions config connect connected connection connections
    container containers context cordoned could cpu crash crashed create created creating current data days
    deadline delete deleted deleting deletion deployment deployments denied did different disk do does done down
    draining driver drop due during each empty endpoint endpoints error errors event events evicted evicting
    exceeded exec exist exists exit exited exiting expected expired failed failing failure failures fatal few
    file first fit for forbidden found from full get given gone gpu gpus graceful group had has have health
    healthy held host hour hours http id if ignored image images in initialized insufficient instead interrupted
    into invalid is it its job jobs kill killed killing kubelet label labels last least left less limit limits
    list listed liveness load loaded loading lost lower makes match matches maximum memory message method metric
    metrics minimum minute minutes missing model models more most mount mounted mounting must name named names
    namespace namespaces need needed network new newer no node nodes none not nothing nominated now of off old
    older on once one ones only open or other others out over page parsed part path pending permission permitted
    phase pod pods policy port ports preempted preemption previous probe process processes profile progress
    progressing prometheus pull pulled pulling query quota rank reach reached read readiness ready reason
    reasons receive received refused replica replicas replicaset replicasets request requests requested resource
    resources restart restarted restarting restarts retry revision running same scale scaled scaling schedule
    scheduled scheduler scheduling scrape scraped scrapes second seconds see server service services set several
    sha256 should shut shutdown since slow so some sources space start started starting startup state status
    still stop stopped stopping storage stuck such successful successfully sum syncing taint tainted tainted(s)
    taints target targets task tasks template terminated terminating termination than that the their them then
    there these they this those throttled time timed timeout tls to token tolerate tolerated toleration
    tolerations too total two unable unavailable unbound under unhealthy unknown unreachable unschedulable
    untolerated up update updated upgrade use used user uses using valid value values version volume volumes
    waiting was watch went were when where which while who will with within without workload would wrong xid yet
    zero oom oomkilled crashloopbackoff imagepullbackoff errimagepull kube-scheduler
    kube-controller-manager deployment-controller replicaset-controller statefulset-controller
"""
"""Words of messages of Kubernetes, of engines and of ours. All others are taken out of messages."""
_DOMAINS: Final = (
    "kubernetes.io",
    "k8s.io",
    "x-k8s.io",
    "intel.com",
    "google.com",
    "helm.sh",
    "prometheus.io",
    "ray.io",
    "kserve.io",
)
_TITLED: Final = """
    init signal completed
    kube kubernetes prometheus alertmanager target watchdog inhibitor looping overcommit throttling generation
    mismatch quota almost replicas rollout cpu filesystem inode inodes high low pressure queue latency cache
    usage ttft itl kv xid thermal power ecc errors mismatched job hpa maxed statefulset daemonset scheduled
    misscheduled flapping aggregated api down missing rule evaluation failures config reload full rate budget
    burn too long groups always average bad role binding map conflict controller loop daemon paused resumed
    unpaused desired within range disruption blocked slice never eviction external internal ip attach sand box
    field manager horizontal autoscaler present inspect pid sufficient worker multiple budgets resolution
    execute fallback route affinity schedulable normal acceptable ordered persistent feature unsupported
    initializing post pre hook start priority class registry removing large rolling run object scaler active
    disabled gated review account signature validation succeeded rescale many unauthorized unexpected admission
    type warning recreate unseen hidden custom err leader limited stateful options free mode drain drained
    cordon uncordon detach resize system sync synced applied reconcile reconciled reconciliation available
    acknowledged bound claim lost recycler provisioning provisioned expanding invalid selector nominated
    preempting trigger triggered group cluster node ready not nominate consolidation clone graph dynamo
    inference ray cron application release kustomization helm ingress
"""
"""Words of the names of public alerts, and of reasons, types and kinds of Kubernetes."""
_COMPONENTS: Final = """
    kubelet kube-scheduler default-scheduler kube-controller-manager controllermanager kube-proxy deployment-controller
    replicaset-controller statefulset-controller daemonset-controller job-controller cronjob-controller
    horizontal-pod-autoscaler node-controller taint-eviction-controller attachdetach-controller endpoint-controller
    endpoint-slice-controller service-controller persistentvolume-controller resourcequota-controller controllers
    cluster-autoscaler karpenter keda keda-operator kuberay-operator raycluster-controller rayservice-controller
    leaderworkerset kserve-controller-manager v1beta1controllers argocd-application-controller helm-controller
    kustomize-controller source-controller gpu-operator quarterdeck apiserver
"""
"""Reporters of events that belong to nobody in particular."""
_GPU_WORDS: Final = """
    amd intel google tesla instinct geforce quadro grid rtx gtx radeon pro ada generation blackwell hopper ampere
    server edition workstation max q pcie sxm nvl mig shared oam hbm gpu ti super gaudi data center tpu
"""
_GPU_NUMBER: Final = re.compile(r"(?=[A-Za-z.]*\d)[A-Za-z\d.]{1,7}")
_PROVIDER: Final = re.compile(
    r"([-+.]((gke|eks|aks|k3s|k0s|rke2r|vmware|tkg|rc|alpha|beta)[.-]?)?\d{0,7}(-[0-9a-f]{6,9})?)*"
)
"""Endings of versions of Kubernetes: those of its releases, and of those who offer it to everybody."""
_PROFILE: Final = re.compile(r"\d{1,2}[cg]?\.?\d{0,3}(gb)?(\+me(\.all)?)?")
"""Profiles of parts of GPUs: 1g.10gb, 1c.3g.40gb has more."""
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_NUMBER: Final = re.compile(r"[-+]?\d{1,9}(\.\d+)?(%|[a-zA-Z]{1,3})?(/\d{1,9})?")
_COMMIT: Final = re.compile(r"[0-9a-f]{7,}")
"""The form of a commit, which may have no letter in it: by one a model or an image can be looked up."""
_VERSION: Final = re.compile(r"v?\d+(\.\d+){1,3}")
_KUBERNETES: Final = re.compile(r"v?\d{1,3}(\.\d{1,4}){1,2}")
_PARTS: Final = re.compile(r"[^:/]+")
_TOKEN: Final = re.compile(r"[^\s\"'`,;()\[\]{}<>=]+")
HIDDEN: Final = "…"


_LABEL_WORDS: Final = """
    arch os hostname zone region instance component managed name part app created by index hash revision history desired
    tracking cause default pod controller deletion cost mirror source config kind type role driver product family cuda
    major minor full memory count present capable strategy sharing shared replicas machine compute gpu tiles millicores
    monitoring path scheme port scrape group worker leader size template key subgroup exclusive topology node cluster
    service job task replica accelerator spot preemptible capacity provider nodepool pool preemption unschedulable
    attachable volumes hugepages ephemeral storage cpu tpu chip serving inference model revision generation routing
    state active preferred local project chart release namespace heritage restarted at last applied configuration
    partition update rollout serial id
"""
"""Words of the names of labels, annotations and resources of public projects."""
_SHORT: Final = 2
"""Letters of a part of a name that says nothing of anybody: ``gb``, ``v``."""


class Pseudonyms:
    """The pseudonyms of one recording."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}
        self._count: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._known)

    def name(self, text: str, kind: str) -> str:
        """Return the pseudonym of a text; a new one is named after its kind; a public text stays."""
        if not text or text.lower() in _words(_PUBLIC) or _is_number(text):
            return text
        found = self._known.get(text)
        if found is None:
            self._count[kind] += 1
            found = self._known[text] = f"{kind}-{self._count[kind]}"
        return found

    def title(self, text: str, kind: str) -> str:
        """Return the pseudonym of a name in CamelCase; one composed of public words stays."""
        words = _CAMEL.findall(text)
        known = _words(_WORDS) | _products() | _words(_TITLED)
        if text and "".join(words) == text and all(word.lower() in known or word.isdecimal() for word in words):
            return text
        return self.name(text, kind)

    def reason(self, text: str, kind: str) -> str:
        """Pseudonym of a reason, type, status or kind; one in words of Kubernetes stays: ``Init:ErrImagePull``."""
        return _PARTS.sub(lambda part: self._reason(part.group(), kind), text)

    def _reason(self, part: str, kind: str) -> str:
        return part if part in _kinds() else self.title(part, kind)

    def component(self, text: str) -> str:
        """Pseudonym of a reporter of events; one that is a part of many clusters stays."""
        return text if text in _words(_COMPONENTS) else self.name(text, "component")

    def manager(self, text: str) -> str:
        """Pseudonym of a field manager; the name of a tool that many clusters have stays."""
        return text if is_common_tool(text) else self.name(text, "manager")

    def gpu(self, text: str) -> str:
        """Pseudonym of a GPU's name; names given by its maker stay."""
        parts = re.split(r"[- ]", text)
        makers = {domain.partition(".")[0] for domain in _domains()}
        known = (part.lower() in _words(_GPU_WORDS) | makers or _GPU_NUMBER.fullmatch(part) for part in parts)
        return text if all(known) else self.name(text, "GPU")

    def profile(self, text: str) -> str:
        """Pseudonym of a part of a GPU; one that its maker calls so stays."""
        return text if _PROFILE.fullmatch(text) else self.name(text, "profile")

    def version(self, text: str) -> str:
        """Version of Kubernetes without a suffix that identifies a private build."""
        found = _KUBERNETES.match(text)
        if found is None:
            return self.name(text, "version")
        return text if _PROVIDER.fullmatch(text, found.end()) else found.group()

    def path(self, text: str, kind: str) -> str:
        """Return the pseudonym of an object's key, part by part between slashes."""
        return "/".join(self.name(part, kind) for part in text.split("/"))

    def key(self, text: str) -> str:
        """Pseudonym of the key of an object in a Snapshot: in ``namespace/Kind/name`` the kind stays."""
        namespace, _, rest = text.partition("/")
        kind, slash, name = rest.partition("/")
        if not slash:
            return self.path(text, "object")
        return f"{self.name(namespace, 'namespace')}/{kind}/{self.name(name, 'object')}"

    def address(self, text: str) -> str:
        """Pseudonym of host:port, an address or a URL; ports and schemes stay."""
        scheme, slashes, rest = text.rpartition("://")
        if slashes:
            return f"{scheme}://{self.address(rest.partition('/')[0])}"
        host, colon, port = text.rpartition(":")
        if colon and port.isdecimal() and not _is_ip(text):
            return f"{self.address(host)}:{port}"
        if text in _words(_PUBLIC) or not _is_ip(text.strip("[]")):
            return self.name(text, "host")
        found = self._known.get(text)
        if found is None:
            self._count["ip"] += 1
            number = self._count["ip"]
            found = self._known[text] = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        return found

    def image(self, text: str) -> str:
        """Pseudonym of an image: its product's name and its version stay."""
        repository, at, digest = text.partition("@")
        last = repository.rpartition("/")[2]
        tag = last.partition(":")[2]
        repository = repository.removesuffix(f":{tag}") if tag else repository
        part = next((part for part in _image_parts() if part in repository), "")
        named = "/".join(filter(None, (self.name(repository, "image"), part)))
        if tag:
            named += f":{tag if _VERSION.fullmatch(tag) or tag == 'latest' else self.name(tag, 'tag')}"
        return f"{named}@{self.name(digest, 'digest')}" if at else named

    def label(self, key: str) -> str:
        """Return the pseudonym of a label's or annotation's key, or of a resource name: those of public projects
        stay.
        """
        domain, slash, name = key.rpartition("/")
        if not slash:
            return key if key in _LABELS else self.name(key, "label")
        if any(domain == public or domain.endswith(f".{public}") for public in _domains()):
            # Anybody may add names to these, and roles of nodes are named by their owners.
            known = _words(_WORDS) | _products() | _words(_TITLED) | _words(_LABEL_WORDS) | _words(_GPU_WORDS)
            parts = [part for part in re.split(r"[^A-Za-z]+|(?<=[a-z])(?=[A-Z])", name) if part]
            theirs = domain.startswith(("node-role.", "node-restriction."))
            is_public = not theirs and all(part.lower() in known or len(part) <= _SHORT for part in parts)
            return key if is_public else f"{domain}/{self.name(name, 'label')}"
        return f"{self.name(domain, 'domain')}/{self.name(name, 'label')}"

    def command(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """Pseudonym of a command line: programs and flags that are known stay, and numbers."""
        return tuple(map(self._word, words, ("", *words)))

    def _word(self, word: str, before: str) -> str:
        if word in _programs():
            return word
        if word.startswith("-"):
            flag, equals, value = word.partition("=")
            shown = flag if flag in _flags() or flag in _words(_PUBLIC) else f"--{self.name(flag, 'flag')}"
            return f"{shown}{equals}{self._value(value, flag)}"
        return self._value(word, before)

    def _value(self, value: str, flag: str) -> str:
        """The value of a flag: of a known one a number stays however large it is, unless it names a commit."""
        if _NUMBER.fullmatch(value) and flag in _flags() and not flag.endswith("revision"):
            return value
        return self.name(value, "value")

    def text(self, text: str) -> str:
        """A message without any word that is not of Kubernetes, of an engine or of ours."""
        return _TOKEN.sub(lambda found: self._token(found.group()), text)

    def _token(self, token: str) -> str:
        bare = token.strip(".:!?/")
        known = self._known.get(bare) or self._known.get(token)
        if known is not None:
            return token.replace(bare, known)
        if bare.lower() in _words(_WORDS) | _products() or _is_number(bare) or not any(map(str.isalnum, bare)):
            return token
        return HIDDEN


_LABELS: Final = frozenset(
    {"app", "component", "name", "role", "tier", "pod-template-hash", "controller-revision-hash"}
)


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) and not _COMMIT.fullmatch(text)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


@cache
def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@cache
def _products() -> frozenset[str]:
    """Names of products, in small letters, and of the resources of GPUs."""
    every = (*engines(), *GATEWAYS.products, *GPUS.products)
    return frozenset(
        (*(product.name.lower() for product in every), *(name for vendor in VENDORS for name in vendor.resources))
    )


@cache
def _kinds() -> frozenset[str]:
    return frozenset(kind.kind for kind in KINDS)


@cache
def _domains() -> tuple[str, ...]:
    of_vendors = (name.partition("/")[0] for vendor in VENDORS for name in (*vendor.resources, *vendor.slices))
    return (*_DOMAINS, *of_vendors)


@cache
def _image_parts() -> tuple[str, ...]:
    parts = {part for product in (*engines(), *GATEWAYS.products, *GPUS.products) for part in product.images}
    return tuple(sorted(parts, key=lambda part: (-len(part), part)))


@cache
def _programs() -> frozenset[str]:
    every = (*engines(), *GATEWAYS.products)
    return frozenset(word for product in every for words in product.programs for word in words)


@cache
def _flags() -> frozenset[str]:
    known = known_flags()
    return known.named.union(f"--{name}" for name in known.shown)
