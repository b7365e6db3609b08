"""What the rules share of a build is what kustomize and Flux make of it: order, names, namespaces and texts."""

from pathlib import Path

import pytest

from tests.support.small_repository import COMPONENT, FLUX, LIST, config_map, found, write

CLAIM = "apiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {name: c}\nspec: {}\n"
PART = {"../components/part/kustomization.yaml": f"{COMPONENT}resources: [./claim.yaml]\n"}
PART["../components/part/claim.yaml"] = CLAIM
PATCH = """\
patches:
  - target: {kind: PersistentVolumeClaim}
    patch: |-
      - {op: add, path: /spec/storageClassName, value: fast}
"""


def test_components_of_flux_are_inside_the_apps_kustomization_yaml(tmp_path: Path) -> None:
    files = {"kustomization.yaml": f"{LIST}namespace: media\nresources: [./a.yaml]\n{PATCH}", "a.yaml": config_map()}
    root = write(tmp_path, {**PART, **files}, "  components: [../components/part]\n")
    assert found(root, "kustomize-patch-without-target", "namespace-none") == []


def test_of_lines_that_are_commented_out_each_is_seen(tmp_path: Path) -> None:
    files = {f"{name}/ks.yaml": FLUX.format(name=name) for name in ("b", "c")}
    lines = "resources:\n  # - ./b/ks.yaml\n  # - ./c/ks.yaml\n  # - ./d/ks.yaml # later\n"
    root = write(tmp_path, {"kustomization.yaml": f"{LIST}{lines}", **files})
    assert found(root, "app-not-listed") == []


@pytest.mark.parametrize("repeated", ["a: &host x\nb: &host y\n", "[&host x, &host y]\n"])
def test_an_anchor_may_be_repeated_beside_a_reference_to_a_secret(repeated: str, tmp_path: Path) -> None:
    text = f"---\n{repeated}---\nvaluesFrom:\n  - name: s\n    kind: Secret\n"
    assert found(write(tmp_path, {"values.yaml": text}), "secret-plain", "not-yaml") == []
