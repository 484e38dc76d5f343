"""OpenAPI says of every kind that can be written where that is, and that the server checks its fields."""

from __future__ import annotations

from simulator.api.openapi import ROOT, document
from simulator.api.resources import Catalogue

CATALOGUE = Catalogue()


def test_every_group_that_is_served_has_its_document() -> None:
    root = document(CATALOGUE, ROOT)
    assert root is not None
    assert {f"apis/{group}/{version}" for group, version in CATALOGUE.groups()} | {"api/v1"} == root["paths"].keys()
    for entry in root["paths"].values():
        found = document(CATALOGUE, entry["serverRelativeURL"])
        assert found is not None
        assert found["openapi"] == "3.0.0"


def test_a_patch_of_every_kind_takes_field_validation_as_kubectl_looks_for_it() -> None:
    for resource in (each for each in CATALOGUE.resources if "patch" in each.verbs):
        root = f"apis/{resource.group}/{resource.version}" if resource.group else "api/v1"
        found = document(CATALOGUE, f"{ROOT}/{root}")
        assert found is not None
        kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
        patches = [
            path["patch"]
            for path in found["paths"].values()
            if path.get("patch", {}).get("x-kubernetes-group-version-kind") == kind
        ]
        assert len(patches) == 1, resource.kind
        taken = {(p["name"], p["in"]) for p in patches[0]["parameters"]}
        assert {("fieldValidation", "query"), ("dryRun", "query"), ("fieldManager", "query")} <= taken


def test_what_cannot_be_written_is_not_offered() -> None:
    found = document(CATALOGUE, f"{ROOT}/apis/authorization.k8s.io/v1")
    assert found is not None
    assert all("patch" not in path for path in found["paths"].values())
    assert document(CATALOGUE, f"{ROOT}/apis/no.such.group/v1") is None
