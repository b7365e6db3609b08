"""What the rules share of a build is what kustomize and Flux make of it: order, names, namespaces and texts."""

from pathlib import Path

import pytest

from tests.support import tools
from tests.support.needs import needs
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
    assert [one.rule.id for one in found(root, "health-check-without-namespace")] == (
        ["health-check-without-namespace"] if is_wrong else []
    )


ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a}
spec: {hostnames: ["a.${DOMAIN}"]}
"""
SCRIPT = config_map() + "  run.sh: echo ${DOMAIN}\n"


def test_a_variable_in_a_variable_is_filled_in_once_at_most(tmp_path: Path) -> None:
    spec = '  postBuild:\n    substitute:\n      HOSTNAME: "a.${PRIVATE_DOMAIN}"\n'
    used = {"a.yaml": ROUTE.replace("DOMAIN", "HOSTNAME")}
    [finding] = found(write(tmp_path, used, spec), "substitution-off")
    assert finding.place.path == "kubernetes/root/apps.yaml"
    assert finding.text == "root has no postBuild, so Kustomization apps keeps ${PRIVATE_DOMAIN}, which nothing defines"


@pytest.mark.parametrize("spec", ["", "  postBuild: {}\n", "  postBuild: {substitute: {}}\n"])
def test_a_host_that_nothing_fills_in_is_found(spec: str, tmp_path: Path) -> None:
    [finding] = found(write(tmp_path, {"a.yaml": ROUTE}, spec), "substitution-off")
    assert finding.text == "apps has no postBuild, so HTTPRoute a keeps ${DOMAIN}, which nothing defines"


def test_what_a_program_may_read_is_left_to_it(tmp_path: Path) -> None:
    assert found(write(tmp_path, {"a.yaml": SCRIPT}), "substitution-off") == []


GENERATED = "configMapGenerator:\n  - {{name: made, literals: [a=b]{}}}\n"
PLAIN = ", options: {disableNameSuffixHash: true}"
RELEASE = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: a}}
spec: {{{}}}
"""
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: a}
spec: {containers: [{name: a, image: b, envFrom: [{configMapRef: {name: made}}]}]}
"""
VALUES = RELEASE.format("valuesFrom: [{kind: ConfigMap, name: made}]")
FIELD = "{path: spec/valuesFrom/name, kind: HelmRelease}"
NAMES = f"nameReference:\n  - {{kind: ConfigMap, version: v1, fieldSpecs: [{FIELD}]}}\n"
TOLD = "configurations: [./names.yaml]\n"
CASES = {
    "values": (VALUES, "", "", True),
    "values, told by a configuration": (VALUES, "", TOLD, False),
    "values, without a hash": (VALUES, PLAIN, "", False),
    "values, no hash for any": (VALUES, "", "generatorOptions: {disableNameSuffixHash: true}\n", False),
    "a pod": (POD, "", "", False),
    "a volume of a chart": (
        RELEASE.format("values: {persistence: {config: {type: configMap, name: made}}}"), "", "", True
    ),
    "a name in a chart's values": (RELEASE.format("values: {existingConfigMap: made}"), "", "", True),
    "a Secret of that name": (RELEASE.format("valuesFrom: [{kind: Secret, name: made}]"), "", "", False),
}  # fmt: skip


def with_generator(root: Path, name: str) -> Path:
    """Write a repository with a generated ConfigMap and what refers to it."""
    item, options, more, _ = CASES[name]
    text = f"{LIST}namespace: media\nresources: [./a.yaml]\n{more}{GENERATED.format(options)}"
    return write(root, {"kustomization.yaml": text, "a.yaml": item, "names.yaml": NAMES})


@pytest.mark.parametrize("name", CASES)
def test_a_name_before_its_hash_is_found_where_kustomize_does_not_correct_it(name: str, tmp_path: Path) -> None:
    rules = [one.rule.id for one in found(with_generator(tmp_path, name), "name-hashed")]
    assert rules == (["name-hashed"] if CASES[name][3] else [])


@needs("kustomize")
@pytest.mark.parametrize("name", [name for name in CASES if "Secret" not in name])
def test_kustomize_corrects_the_same_names(name: str, tmp_path: Path) -> None:
    built = tools.run("kustomize", "build", with_generator(tmp_path, name) / "kubernetes/apps")
    [made] = [line.split()[-1] for line in built.splitlines() if line.startswith("  name: made")]
    named = [line.split()[-1] for line in built.splitlines() if line.strip().endswith(("made", made))]
    assert (len(set(named)) > 1) == CASES[name][3]


def test_the_hash_is_another_builds_name_for_everybody_else(tmp_path: Path) -> None:
    other = FLUX.format(name="other")
    files = {
        "kustomization.yaml": f"{LIST}namespace: media\n{GENERATED.format('')}",
        "../root/other.yaml": f"{other}  targetNamespace: media\n",
        "../other/pod.yaml": POD,
    }
    [finding] = found(write(tmp_path, files), "name-hashed")
    assert finding.text == "Pod a names ConfigMap made, which is built as made-<hash>"


def test_variables_from_a_name_before_its_hash_are_found(tmp_path: Path) -> None:
    spec = "  postBuild: {substituteFrom: [{kind: ConfigMap, name: made}]}\n"
    files = {"kustomization.yaml": f"{LIST}namespace: flux-system\n{GENERATED.format('')}"}
    assert [one.rule.id for one in found(write(tmp_path, files, spec), "name-hashed")] == ["name-hashed"]
