"""Flux: the releases that a HelmRelease keeps (helm.toolkit.fluxcd.io/v2), and since when a Kustomization applies."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import ObjectRef
from fleet.timeline.attribution import Applied
from fleet.timeline.cluster.conditions import ConditionMeaning, conditions_of
from fleet.timeline.cluster.witness import SharedFacts, Witness, entries_of_each, ref_of
from fleet.timeline.entry import WHOLE_SECONDS, Entry, EntryKind, Evidence, Weight

_CONDITIONS = {
    ("Ready", "False"): ConditionMeaning("does not apply", Weight.BAD),
    ("Ready", "True"): ConditionMeaning("applies", Weight.GOOD),
}


def _release(raw: Raw, asked: SharedFacts) -> tuple[Entry, ...]:
    ref, status = ref_of(raw, "HelmRelease"), mapping(raw, "status")
    deployed = tuple(_deployed(ref, status))
    asked.applied[ref] += [Applied(one.at, one.at, one.who, one.evidence[0]) for one in deployed]
    return (*deployed, *conditions_of(raw, ref, _CONDITIONS))


def _deployed(ref: ObjectRef, status: Raw) -> Iterator[Entry]:
    for release in mappings(status, "history"):
        at, number = moment(release, "lastDeployed"), release.get("version")
        if at is None:
            continue
        chart = f"{text(release, 'chartName')} {text(release, 'chartVersion')}".strip()
        state = text(release, "status")
        evidence = Evidence(f"{ref} status.history[v{number}].lastDeployed", text(release, "lastDeployed"))
        yield Entry(
            at,
            WHOLE_SECONDS,
            EntryKind.CHANGE,
            f"release {number}: {chart}" + (f", {state}" if state == "failed" else ""),
            ref,
            (evidence,),
            who="Flux (Helm)",
            weight=Weight.BAD if state == "failed" else Weight.PLAIN,
        )


def _kustomization(raw: Raw, asked: SharedFacts) -> tuple[Entry, ...]:
    ref = ref_of(raw, "Kustomization")
    for one in mappings(mapping(mapping(raw, "status"), "inventory"), "entries"):
        # <namespace>_<name>_<group>_<kind>: none of the four has an underscore.
        namespace, _, rest = text(one, "id").partition("_")
        name, _, kind = rest.partition("_")
        asked.kin.note(ObjectRef(kind.rpartition("_")[2], namespace, name), ref)
    return tuple(conditions_of(raw, ref, _CONDITIONS))


HELM_RELEASES = Witness(
    kind="HelmRelease",
    group="helm.toolkit.fluxcd.io",
    version="v2",
    plural="helmreleases",
    extract=_release,
    entries=entries_of_each,
    lost="releases of Flux",
    custom=True,
)
KUSTOMIZATIONS = Witness(
    kind="Kustomization",
    group="kustomize.toolkit.fluxcd.io",
    version="v1",
    plural="kustomizations",
    extract=_kustomization,
    entries=entries_of_each,
    lost="what Flux applies",
    custom=True,
)
