"""The last write of a workload's template, from ``metadata.managedFields``."""

from __future__ import annotations

from fleet.json_fields import Raw, mapping, mappings, moment, text
from fleet.model.objects import TemplateWrite
from fleet.sources.kube.interner import Interner

_TEMPLATE = "template"


def is_template(field: str) -> bool:
    """True for a field of a spec that holds a template of pods: ``template``, ``leaderWorkerTemplate``."""
    return field.lower().endswith(_TEMPLATE)


def template_write(raw: Raw, interner: Interner) -> TemplateWrite | None:
    """Return the last write by a tool that owns a field of the template; None where the object names none.

    Its time is that of the tool's last change to any of its fields: of a tool that also scales, possibly a later one.
    """
    found: TemplateWrite | None = None
    for entry in mappings(mapping(raw, "metadata"), "managedFields"):
        at = moment(entry, "time")
        if at is None or text(entry, "subresource") or (found is not None and found.at >= at):
            continue
        if any(is_template(key.removeprefix("f:")) for key in mapping(mapping(entry, "fieldsV1"), "f:spec")):
            found = TemplateWrite(interner.share(text(entry, "manager")), at)
    return found
