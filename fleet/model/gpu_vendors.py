"""Kubernetes' names for each vendor's GPUs: the resources of device plugins, and node labels."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Vendor:
    """One GPU vendor. ``name`` precedes the names of its cards, where it does."""

    name: str
    resources: tuple[str, ...] = ()
    """Extended resources that are GPUs."""
    slices: tuple[str, ...] = ()
    """Prefixes of resources that are GPUs or slices of one."""
    others: tuple[str, ...] = ()
    """Prefixes, among these, of resources that are no devices."""
    product_label: str = ""
    """The label of a node that names its cards."""
    count_label: str = ""
    """The label of a node that counts its cards."""
    claimed_labels: tuple[tuple[str, str], ...] = ()
    """Labels of nodes, with their values, whose cards no device plugin offers: they are claimed (DRA)."""
    driver_labels: tuple[str, ...] = ()
    """Node labels with the driver version, the most exact first."""
    variables: tuple[str, ...] = ()
    """Beginnings of the names of environment variables of its libraries, which hold no secrets."""


VENDORS = (
    Vendor(
        "NVIDIA",
        resources=("nvidia.com/gpu", "nvidia.com/gpu.shared"),
        slices=("nvidia.com/mig-",),
        product_label="nvidia.com/gpu.product",
        count_label="nvidia.com/gpu.count",
        claimed_labels=(("nvidia.com/dra-kubelet-plugin", "true"), ("nvidia.com/gpu.deploy.device-plugin", "false")),
        # GPU feature discovery; the second is what releases before 0.14 write.
        driver_labels=("nvidia.com/cuda.driver-version.full", "nvidia.com/cuda.driver.major"),
        variables=("NVIDIA_", "CUDA_", "NCCL_", "NVTE_", "NIXL_"),
    ),
    Vendor(
        "AMD",
        resources=("amd.com/gpu",),
        product_label="amd.com/gpu.product-name",
        driver_labels=("amd.com/gpu.driver-version",),
        variables=("ROCM_", "HIP_", "ROCR_", "HSA_"),
    ),
    Vendor(
        "Intel",
        slices=("gpu.intel.com/",),
        # The plugin also counts memory, millicores, tiles and access to monitoring.
        others=("gpu.intel.com/memory", "gpu.intel.com/millicores", "gpu.intel.com/tiles", "gpu.intel.com/monitoring"),
        product_label="gpu.intel.com/product",
    ),
)
"""One more is one row here."""
VARIABLES = tuple(prefix for vendor in VENDORS for prefix in vendor.variables)
"""Beginnings of the names of environment variables of the libraries of all makers, which hold no secrets."""


def is_gpu(resource: str) -> bool:
    """True if an extended resource is a GPU or a slice of one."""
    return any(_is_of(vendor, resource) for vendor in VENDORS)


def vendor_of(resource: str) -> str:
    """The maker of the GPUs of an extended resource; empty for none that is known."""
    return next((vendor.name for vendor in VENDORS if _is_of(vendor, resource)), "")


def product_labels() -> tuple[str, ...]:
    """The labels of a node that name its cards."""
    return tuple(vendor.product_label for vendor in VENDORS if vendor.product_label)


def counted_cards(labels: Mapping[str, str]) -> dict[str, int]:
    """Return the cards that the labels of a node count, by the resource that a device plugin would offer them as."""
    found = {}
    for vendor in VENDORS:
        number = labels.get(vendor.count_label, "")
        claimed = any(labels.get(label) == value for label, value in vendor.claimed_labels)
        if number.isdigit() and int(number) and not claimed:
            found[vendor.resources[0]] = int(number)
    return found


def driver_labels() -> tuple[str, ...]:
    """Return the node labels with the driver version."""
    return tuple(label for vendor in VENDORS for label in vendor.driver_labels)


def without_vendor(card: str) -> str:
    """The name of a card without that of its maker, which every card of a fleet repeats."""
    for vendor in VENDORS:
        card = card.removeprefix(f"{vendor.name} ")
    return card


def _is_of(vendor: Vendor, resource: str) -> bool:
    if resource in vendor.resources:
        return True
    if not resource.startswith(vendor.slices):
        return False
    return not resource.startswith(vendor.others) and not resource.endswith("_monitoring")
