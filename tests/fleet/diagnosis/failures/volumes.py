"""Pods with a node that are not created: volumes, devices and the sandbox, in the words of the kubelet."""

from __future__ import annotations

from functools import partial

from tests.fleet.diagnosis.cluster import SPACE, Cluster, Failure, waiting

POD = f"{SPACE}/chat-2"
_SETUP = 'MountVolume.SetUp failed for volume "weights" : '


def _creating(cluster: Cluster, reason: str, message: str) -> None:
    waiting(cluster.pod(), "ContainerCreating")
    for at in (-2, 60, 125, 300, 630):
        cluster.pod_event(reason, message, at=at)


def _kubelet(name: str, cause: str, says: str, reason: str, message: str) -> Failure:
    return Failure(name, cause, POD, says, partial(_creating, reason=reason, message=message))


FAILURES = (
    _kubelet(
        "multi-attach",
        "volume-attached-elsewhere",
        "Multi-Attach",
        "FailedAttachVolume",
        'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and can\'t be '
        "attached to another",
    ),
    _kubelet(
        "attach fails",
        "volume-not-attached",
        "VolumeInUse",
        "FailedAttachVolume",
        'AttachVolume.Attach failed for volume "pvc-1" : rpc error: code = Internal desc = VolumeInUse',
    ),
    _kubelet(
        "driver not on the node, attach",
        "csi-driver-missing",
        "ebs.csi.aws.com",
        "FailedAttachVolume",
        'AttachVolume.Attach failed for volume "pvc-1" : CSINode n2 does not contain driver ebs.csi.aws.com',
    ),
    _kubelet(
        "driver not on the node, mount",
        "csi-driver-missing",
        "nfs.csi.k8s.io",
        "FailedMount",
        _SETUP + "kubernetes.io/csi: mounter.SetUpAt failed to get CSI client: driver name nfs.csi.k8s.io not found in "
        "the list of registered CSI drivers",
    ),
    _kubelet(
        "secret of a volume",
        "volume-source-missing",
        'secret "hf" not found',
        "FailedMount",
        _SETUP + 'secret "hf" not found',
    ),
    _kubelet(
        "key of a volume",
        "volume-source-missing",
        "tls.key",
        "FailedMount",
        _SETUP + "references non-existent secret key: tls.key",
    ),
    _kubelet(
        "projected volume",
        "volume-source-missing",
        "chat-config",
        "FailedMount",
        'MountVolume.SetUp failed for volume "all" : configmap "chat-config" not found',
    ),
    _kubelet(
        "host path",
        "volume-source-missing",
        "hostPath",
        "FailedMount",
        _SETUP + "hostPath type check failed: /mnt/models is not a directory",
    ),
    _kubelet(
        "secret store",
        "volume-not-mounted",
        "failed to mount secrets store",
        "FailedMount",
        _SETUP + "rpc error: code = Unknown desc = failed to mount secrets store objects for pod serving/chat-2, err: "
        "AccessDenied",
    ),
    _kubelet(
        "mount helper missing",
        "volume-not-mounted",
        "mount.nfs",
        "FailedMount",
        _SETUP + 'mount failed: exit status 32, executable file "mount.nfs" not found in $PATH',
    ),
    _kubelet(
        "nfs server away",
        "volume-not-mounted",
        "timed out",
        "FailedMount",
        _SETUP + "mount failed: exit status 32 Output: mount.nfs: Connection timed out",
    ),
    _kubelet(
        "slow ownership",
        "volume-ownership-slow",
        "processed 315923 files",
        "VolumePermissionChangeInProgress",
        "Setting volume ownership for /var/lib/kubelet/pods/1/volumes/kubernetes.io~csi/pvc-1/mount, processed 315923 "
        "files",
    ),
    _kubelet(
        "network plugin",
        "sandbox-not-created",
        "cni",
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin "
        'type="calico" failed (add): error getting ClusterInformation: cni connection is unauthorized',
    ),
    _kubelet(
        "no addresses left",
        "pod-addresses-exhausted",
        "no IP addresses available",
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin "
        'type="host-local" failed (add): failed to allocate for range 0: no IP addresses available in range set',
    ),
    _kubelet(
        "no addresses left on aws",
        "pod-addresses-exhausted",
        "failed to assign an IP",
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin "
        'type="aws-cni" name="aws-cni" failed (add): add cmd: failed to assign an IP address to container',
    ),
    _kubelet(
        "no addresses left on azure",
        "pod-addresses-exhausted",
        "No available IPs",
        "FailedCreatePodSandBox",
        "Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox: plugin "
        'type="azure-vnet" failed (add): IPAM Invoker Add failed with error: Failed to get IP address from CNS: No '
        "available IPs",
    ),
    _kubelet(
        "runtime handler",
        "sandbox-not-created",
        "no runtime for",
        "FailedCreatePodSandBox",
        'Failed to create pod sandbox: rpc error: code = Unknown desc = no runtime for "nvidia" is configured',
    ),
    _kubelet(
        "network not ready",
        "sandbox-not-created",
        "cni plugin not initialized",
        "NetworkNotReady",
        "network is not ready: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
        "message:Network plugin returns error: cni plugin not initialized",
    ),
    _kubelet(
        "device claim not prepared",
        "device-claim-not-prepared",
        "gpu.nvidia.com",
        "FailedPrepareDynamicResources",
        "Failed to prepare dynamic resources: prepare dynamic resources: DRA driver gpu.nvidia.com is not registered",
    ),
    _kubelet(
        "image slow",
        "image-pull-slow",
        "Pulling",
        "Pulling",
        'Pulling image "vllm/vllm-openai:v0.32.0"',
    ),
    _kubelet(
        "what nobody has listed",
        "pod-reported",
        "FancyAgentRefused: the agent has no lease for this pod",
        "FancyAgentRefused",
        "the agent has no lease for this pod",
    ),
)
