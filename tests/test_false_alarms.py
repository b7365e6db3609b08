"""What living repositories do, and the checks once took for a defect: nothing is found where it is right."""

from pathlib import Path

import pytest

from talos_flux.check.rules import findings
from talos_flux.check.rules.plain_secrets import plain
from talos_flux.manifests.flux_tree import Cluster
from tests.support.others import write
from tests.test_references import FLUX, app, release, said, thing

CLAIM = (
    "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: {{name: data}}\n"
    "spec: {{accessModes: [ReadWriteOnce], storageClassName: {name}, resources: {{requests: {{storage: 1Gi}}}}}}\n"
)
OPENEBS = release("openebs", "openebs", "{localpv-provisioner: {hostpathClass: {name: local-hostpath}}}")
LONGHORN = release("longhorn", "longhorn", "{}")
CLASS = "storage-class-unknown"


def test_a_class_that_a_chart_calls_otherwise_is_there_by_that_name_alone(tmp_path: Path) -> None:
    assert said(app(tmp_path / "new", OPENEBS, CLAIM.format(name="local-hostpath")), CLASS) == []
    assert len(said(app(tmp_path / "old", OPENEBS, CLAIM.format(name="openebs-hostpath")), CLASS)) == 1


@pytest.mark.parametrize(("name", "page", "count"), [
    ("local-path", "The cluster runs k3s.", 0),
    ("local-path", "The cluster runs Talos.", 1),
    ("disabled", "", 0),
])  # fmt: skip
def test_the_classes_of_k3s_are_there_where_a_file_speaks_of_it(
    name: str, page: str, count: int, tmp_path: Path
) -> None:
    root = app(tmp_path, LONGHORN, CLAIM.format(name=name))
    (root / "README.md").write_text(page)
    assert len(said(root, CLASS)) == count


def test_an_ingress_of_the_class_disabled_is_of_none(tmp_path: Path) -> None:
    ingress = thing("Ingress", "x", "{ingressClassName: disabled}", "networking.k8s.io/v1")
    controller = release("ingress-nginx", "ingress-nginx", "{controller: {ingressClassResource: {name: internal}}}")
    assert said(app(tmp_path, controller, ingress), "class-unknown") == []


def test_a_left_over_kustomization_is_applied_by_nobody_and_takes_no_name(tmp_path: Path) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    old = root / "kubernetes/apps/media/all.ks.yaml"
    text = (root / "kubernetes/apps/media/notes/ks.yaml").read_text()
    # It applied the folder as it lies, and with it the Kustomization that took its place.
    old.write_text(text.replace("media/notes/app", "media/notes"))
    (root / "kubernetes/apps/kustomization.yaml").write_text("resources: [./media]\n")
    assert said(root, "name-taken") == []
    assert said(root, "app-not-listed") == ["app-not-listed: Kustomization notes is applied by nobody"]


@pytest.mark.parametrize(("used", "count"), [("${HOST}", 1), ("x", 0)])
def test_a_variable_that_nothing_uses_may_hold_one_that_stays(used: str, count: int, tmp_path: Path) -> None:
    root = app(tmp_path, f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{host: '{used}'}}\n")
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    ks.write_text(ks.read_text() + "  postBuild:\n    substitute:\n      HOST: a.${DOMAIN}\n      DOMAIN: b\n")
    assert len(said(root, "substitution-off")) == count


@pytest.mark.parametrize(("text", "count"), [
    ("This is there for every file as ${SECRET_EXAMPLE}", 0),
    ("horse-battery-${SECRET_EXAMPLE}-staple-correct", 1),
])  # fmt: skip
def test_a_sentence_about_its_own_variable_is_no_secret(text: str, count: int) -> None:
    secret = f"kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\nstringData: {{SECRET_EXAMPLE: '{text}'}}\n"
    assert len(list(plain("a.sops.yaml.j2", secret))) == count


def test_a_file_that_is_not_encrypted_is_one_finding(tmp_path: Path) -> None:
    key = "-----BEGIN PRIVATE KEY-----\\n" + "A" * 40
    secret = f"kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\nstringData: {{password: hunter22, key: '{key}'}}\n"
    root = app(tmp_path, thing("ConfigMap", "a"))
    (root / "kubernetes/apps/media/notes/app/a.sops.yaml").write_text(secret)
    rules = ("secret-plain", "secret-readable", "secret-not-encrypted")
    assert [finding.rule.id for finding in findings(Cluster(root), rules)] == ["secret-not-encrypted"]


def test_the_keys_of_one_file_are_one_finding(tmp_path: Path) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    key = "-----BEGIN PRIVATE KEY-----\n" + "A" * 40 + "\n"
    (root / "machine.txt").write_text(key * 3)
    assert said(root, "secret-readable") == [
        "secret-readable: a private key can be read here, as in 2 more places of the file"
    ]


@pytest.mark.parametrize("more", [
    {"scripts/start.sh": "kubectl create namespace team\n"},
    {"kubernetes/apps/media/team/ks.yaml": (
        f"{FLUX}  name: team\n  namespace: flux-system\nspec:\n  interval: 1h\n  prune: true\n  path: ./apps/team\n"
        "  sourceRef:\n    kind: GitRepository\n    name: team\n"
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n"
        "  name: team\n  namespace: flux-system\n"
        "spec: {interval: 1h, url: https://github.com/others/team, ref: {tag: v1}}\n")},
])  # fmt: skip
def test_a_namespace_that_an_installer_makes_is_there(more: dict[str, str], tmp_path: Path) -> None:
    root = app(tmp_path, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: team}\n")
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    ks.write_text(ks.read_text().replace("  targetNamespace: media\n", ""))
    assert said(root, "namespace-missing") == ["namespace-missing: nobody creates the namespace team"]
    write(root, more)
    listed = root / "kubernetes/apps/media/kustomization.yaml"
    listed.write_text(
        "resources: [./namespace.yaml, ./notes/ks.yaml" + (", ./team/ks.yaml" * any("ks" in p for p in more)) + "]\n"
    )
    assert said(root, "namespace-missing") == []


def test_cilium_that_terraform_installs_is_there(tmp_path: Path) -> None:
    policy = thing("CiliumNetworkPolicy", "a", "{endpointSelector: {}}", "cilium.io/v2")
    root = app(tmp_path, policy)
    assert len(said(root, "provider-missing")) == 1
    write(root, {"terraform/main.tf": 'resource "helm_release" "cilium" {\n  chart = "cilium"\n}\n'})
    assert said(root, "provider-missing") == []


@pytest.mark.parametrize(("annotations", "count"), [
    ("", 1), ('  annotations: {reflector.v1.k8s.emberstack.com/reflection-auto-enabled: "true"}\n', 0),
])  # fmt: skip
def test_a_secret_that_a_reflector_copies_gives_variables_everywhere(
    annotations: str, count: int, tmp_path: Path
) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    of = "  postBuild:\n    substituteFrom:\n      - kind: Secret\n        name: shared\n"
    ks.write_text(ks.read_text().replace("namespace: flux-system\nspec", "namespace: media\nspec") + of)
    shared = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: shared\n  namespace: login\n"
    app(root, shared + annotations, namespace="login", name="shared")
    assert len(said(root, "substitution-source-missing")) == count


def test_a_token_that_a_page_of_an_api_shows_is_none(tmp_path: Path) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    write(root, {"api.json": f'{{"example": "tskey-auth-{"x" * 12}-{"x" * 32}"}}\n'})
    assert said(root, "secret-readable") == []
    write(root, {"api.json": f'{{"example": "tskey-auth-{"kq3f" * 3}-{"a1b2" * 8}"}}\n'})
    assert len(said(root, "secret-readable")) == 1


def test_a_variable_in_a_namespace_that_kustomize_writes_over_is_gone(tmp_path: Path) -> None:
    root = app(tmp_path, "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: '${NAMESPACE}'}\n")
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    ks.write_text(f"{ks.read_text()}  postBuild: {{substitute: {{A: b}}}}\n")
    assert said(root, "substitution-undefined") == []
    ks.write_text(ks.read_text().replace("  targetNamespace: media\n", ""))
    assert len(said(root, "substitution-undefined")) == 1


@pytest.mark.parametrize(("components", "count"), [("", 1), ("  components: [../../../part]\n", 0)])
def test_a_patch_is_about_what_the_components_of_its_kustomization_add(
    components: str, count: int, tmp_path: Path
) -> None:
    root = app(tmp_path, release("one", "one", "{}"))
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    ks.write_text(ks.read_text() + components)
    added = "{op: add, path: /spec/values/extra, value: {}}"
    removed = "{op: remove, path: /spec/values/extra}"
    patches = "patches: [{target: {kind: HelmRelease}, patch: '[OPERATION]'}]\n"
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    write(root, {
        "kubernetes/apps/part/kustomization.yaml": component + patches.replace("OPERATION", added),
        "kubernetes/apps/media/notes/app/kustomization.yaml": (
            "resources: [./all.yaml]\n" + patches.replace("OPERATION", removed)
        ),
    })  # fmt: skip
    assert len(said(root, "build-refused")) == count


@pytest.mark.parametrize(("address", "count"), [
    ("10.0.40.20,::ffff:10.0.40.20", 0), ("10.0.40.20,::ffff:10.9.9.9", 1),
])  # fmt: skip
def test_an_address_of_ipv4_may_be_written_as_one_of_ipv6(address: str, count: int, tmp_path: Path) -> None:
    pool = thing("CiliumLoadBalancerIPPool", "pool", "{blocks: [{cidr: 10.0.40.0/24}]}", "cilium.io/v2alpha1")
    asked = (
        f"---\napiVersion: v1\nkind: Service\nmetadata: {{name: a, annotations: {{lbipam.cilium.io/ips: '{address}'}}}}"
    )
    root = app(tmp_path, pool, asked + "\nspec: {type: LoadBalancer, ports: [{port: 80}]}\n")
    assert len(said(root, "address-outside-pool")) == count


@pytest.mark.parametrize(("value", "count"), [
    ("ghcr.io/cloudnative-pg/plugin-barman-cloud-sidecar:v0.14.0", 0),
    ("c2lkZWNhcg-cloudnative-pg-plugin-barman-cloud-sidecar9", 1),
])  # fmt: skip
def test_the_address_of_an_image_is_no_secret(value: str, count: int) -> None:
    text = f"kind: Secret\napiVersion: v1\nmetadata: {{name: a}}\nstringData: {{SIDECAR_IMAGE: '{value}'}}\n"
    assert len(list(plain("a.yaml", text))) == count


def test_a_source_beside_the_roots_is_there(tmp_path: Path) -> None:
    chart = "chartRef: {kind: OCIRepository, name: charts, namespace: flux-system}"
    root = app(tmp_path, thing("HelmRelease", "a", f"{{interval: 1h, {chart}}}", "helm.toolkit.fluxcd.io/v2"))
    assert len(said(root, "source-unknown")) == 1
    source = "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
    source += "metadata: {name: charts, namespace: flux-system}\n"
    listing = "resources: [./ks.yaml, ./charts.yaml]\n"
    write(root, {"kubernetes/flux/charts.yaml": source, "kubernetes/flux/kustomization.yaml": listing})
    assert said(root, "source-unknown") == []


def test_what_is_for_bootstrap_or_put_away_is_meant_to_be_there(tmp_path: Path) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    other = (root / "kubernetes/apps/media/notes/ks.yaml").read_text().replace("name: notes", "name: other")
    generator = "secretGenerator: [{name: a, files: [conf.php]}]\n"
    write(root, {
        "kubernetes/bootstrap/other/ks.yaml": other,
        "archive/other/kustomization.yaml": generator,
        "archive/other/conf.php": "a=b\n",
    })  # fmt: skip
    assert said(root, "app-not-listed", "secret-plain") == []
    write(
        root, {"kubernetes/apps/other/ks.yaml": other, "kubernetes/apps/kustomization.yaml": "resources: [./media]\n"}
    )
    assert len(said(root, "app-not-listed")) == 1
