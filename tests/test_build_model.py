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


NAMESPACE = "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: {}\n"
TARGET = "  targetNamespace: media\n"


def with_namespace(root: Path, name: str, spec: str = TARGET) -> Path:
    """Write a repository whose root has the Namespace media and whose app brings another one."""
    files = {"../root/media.yaml": NAMESPACE.format("media"), "namespace.yaml": NAMESPACE.format(name)}
    return write(root, {**files, "kustomization.yaml": f"{LIST}resources: [./namespace.yaml]\n"}, spec)


def test_a_namespace_in_an_app_is_renamed(tmp_path: Path) -> None:
    [finding] = found(with_namespace(tmp_path, "extra"), "namespace-renamed", "object-twice")
    assert finding.text.startswith("Namespace extra becomes Namespace media: targetNamespace renames it")


def test_a_namespace_that_two_kustomizations_have_is_found(tmp_path: Path) -> None:
    [finding] = found(with_namespace(tmp_path, "media"), "namespace-renamed", "object-twice")
    assert finding.rule.id == "object-twice"


def test_a_namespace_in_an_app_without_target_is_its_own(tmp_path: Path) -> None:
    assert found(with_namespace(tmp_path, "extra", ""), "namespace-renamed", "object-twice") == []


def test_a_placeholder_that_becomes_the_only_namespace_of_its_name_is_fine(tmp_path: Path) -> None:
    files = {"namespace.yaml": NAMESPACE.format("_"), "kustomization.yaml": f"{LIST}resources: [./namespace.yaml]\n"}
    assert found(write(tmp_path, files, TARGET), "namespace-renamed", "object-twice") == []


@pytest.mark.parametrize(
    ("check", "is_wrong"),
    [
        ("{apiVersion: apps/v1, kind: Deployment, name: a}", True),
        ("{kind: Deployment, name: a}", True),
        ("{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, name: a}", True),
        ("{apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: a}", True),
        ("{apiVersion: apps/v1, kind: Deployment, name: a, namespace: b}", False),
        ("{apiVersion: v1, kind: Namespace, name: a}", False),
        ("{apiVersion: cert-manager.io/v1, kind: ClusterIssuer, name: a}", False),
        ("{apiVersion: example.net/v1, kind: Unheard, name: a}", False),
    ],
)
def test_a_health_check_of_a_namespaced_kind_names_the_namespace(check: str, is_wrong: bool, tmp_path: Path) -> None:
    root = write(tmp_path, {"a.yaml": config_map()}, f"  wait: false\n  healthChecks: [{check}]\n")
    assert [one.rule.id for one in found(root, "health-check-without-namespace", "health-check-unknown")] == (
        ["health-check-without-namespace"] if is_wrong else []
    )
