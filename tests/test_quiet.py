"""What living repositories do, and works, is found by no rule; beside it, the defect that is most like it."""

from pathlib import Path

import pytest

from talos_flux.check import output
from talos_flux.check.rule import Finding
from talos_flux.check.rules import RULES, findings
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.manifests.secret_values import is_secret
from tests.test_layouts import CONFIG_MAP, LIST, config_map, kustomization, said, written

HELM_RELEASE = """\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {{name: {name}, namespace: {namespace}}}
spec:
  interval: 1h
  chart: {{spec: {{chart: {chart}, version: 1.0.0, sourceRef: {{kind: HelmRepository, name: charts}}}}}}
"""
NAMESPACE = "---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n"
ENCRYPTED = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: default}\nsops: {mac: x}\n"
ROOT = {"flux/ks.yaml": kustomization("root", "./apps")}


# --- What is built ---


def test_a_kustomization_that_applies_its_own_file_and_patches_it_is_read_once(tmp_path: Path) -> None:
    patch = (
        "  patches:\n    - target: {kind: Kustomization}\n      patch: '[{op: add, path: /spec/timeout, value: 9m}]'\n"
    )
    files = {
        "flux/ks.yaml": kustomization("root", "./flux", more=patch) + kustomization("a", "./apps"),
        "apps/map.yaml": config_map("a"),
    }
    assert {each.name for each in written(tmp_path, files).kustomizations} == {"root", "a"}


def transformer(more: str = "") -> str:
    return (
        "apiVersion: builtin\nkind: NamespaceTransformer\nmetadata: {name: ns, namespace: media}\n"
        f"{more}fieldSpecs:\n  - {{path: metadata/name, kind: Namespace, create: true}}\n"
        "  - {path: spec/targetNamespace, group: kustomize.toolkit.fluxcd.io, kind: Kustomization, create: true}\n"
    )


@pytest.mark.parametrize("form", ["a file", "a folder", "in the list itself"])
def test_a_namespace_transformer_is_followed(form: str, tmp_path: Path) -> None:
    inline = "".join(f"    {line}\n" for line in transformer().splitlines())
    entries = {"a file": "  - ns.yaml\n", "a folder": "  - ../ns\n", "in the list itself": f"  - |\n{inline}"}
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/media"),
        "apps/media/kustomization.yaml": f"{LIST}resources: [ks.yaml, n.yaml]\ntransformers:\n{entries[form]}",
        "apps/media/ns.yaml": transformer(),
        "apps/ns/kustomization.yaml": f"{LIST}resources: [ns.yaml]\n",
        "apps/ns/ns.yaml": transformer(),
        "apps/media/n.yaml": NAMESPACE.format(name="not-used"),
        "apps/media/ks.yaml": kustomization("a", "./apps/a").replace(", namespace: flux-system}\nspec", "}\nspec"),
        "apps/a/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n",
    }
    cluster = written(tmp_path, files)
    assert {(each.name, each.item.namespace, each.target) for each in cluster.kustomizations[1:]} == {
        ("a", "media", "media")
    }
    assert [item.name for item in cluster.applied if item.kind == "Namespace"] == ["media"]
    assert said(cluster, "namespace-none", "namespace-missing") == []


def test_a_namespace_transformer_of_what_has_none_leaves_the_others_alone(tmp_path: Path) -> None:
    files = {
        **ROOT,
        "apps/kustomization.yaml": f"{LIST}resources: [a.yaml, b.yaml]\ntransformers: [ns.yaml]\n",
        "apps/ns.yaml": transformer("unsetOnly: true\n"),
        "apps/a.yaml": config_map("a", "network"),
        "apps/b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\n",
    }
    assert {(item.name, item.namespace) for item in written(tmp_path, files).applied} == {
        ("a", "network"),
        ("b", "media"),
    }


def test_an_app_that_applies_a_folder_above_hides_nothing(tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./k/apps"),
        "k/kustomization.yaml": LIST,
        "k/apps/kustomization.yaml": f"{LIST}resources: [n.yaml, ks.yaml]\n",
        "k/apps/n.yaml": NAMESPACE.format(name="media"),
        "k/apps/ks.yaml": kustomization("a", "./k", more="  targetNamespace: media\n"),
    }
    assert [item.kind for item in written(tmp_path, files).applied] == ["Kustomization", "Namespace"][::-1]


def test_a_name_reference_of_a_folder_counts_for_what_takes_it_in(tmp_path: Path) -> None:
    generator = f"{LIST}configMapGenerator: [{{name: values, literals: [a=b]}}]\n"
    rule = "nameReference:\n  - kind: ConfigMap\n    fieldSpecs: [{path: spec/valuesFrom/name, kind: HelmRelease}]\n"
    release = HELM_RELEASE.format(name="a", namespace="default", chart="a")
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/root"),
        "apps/root/ks.yaml": kustomization("a", "./apps/a", more="  targetNamespace: default\n"),
        "apps/a/release.yaml": f"{release}  valuesFrom: [{{kind: ConfigMap, name: values}}]\n",
        "apps/a/config/kustomization.yaml": f"{generator}configurations: [names.yaml]\n",
        "apps/a/config/names.yaml": rule,
    }
    assert said(written(tmp_path / "followed", files), "name-hashed") == []
    files["apps/a/config/kustomization.yaml"] = generator
    assert said(written(tmp_path / "lost", files), "name-hashed") == ["apps/a/release.yaml: name-hashed"]


# --- What is read ---


@pytest.mark.parametrize("word", ["off", "On", "yes", "NO", "1:30"])
def test_what_kustomize_takes_for_a_text_is_one(word: str, tmp_path: Path) -> None:
    storage_class = (
        "apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: a}\nprovisioner: a\n"
        f"parameters: {{dedup: {word}}}\n"
    )
    files = {**ROOT, "apps/class.yaml": storage_class}
    assert said(written(tmp_path / "text", files), "field-type") == []
    files["flux/ks.yaml"] = kustomization("root", "./apps").replace("wait: true", f"wait: {word}")
    assert said(written(tmp_path / "boolean", files), "field-type") == ["flux/ks.yaml: field-type"]


@pytest.mark.parametrize(("value", "is_number"), [("0o555", True), ("0555", True), ("1e3", False), ("'0o555'", False)])
def test_what_kustomize_takes_for_a_number_is_one(value: str, is_number: bool, tmp_path: Path) -> None:
    pod = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default}\nspec:\n"
        "  containers: [{name: a, image: a}]\n"
        f"  volumes: [{{name: a, configMap: {{name: a, defaultMode: {value}}}}}]\n"
    )
    found = [] if is_number else ["apps/pod.yaml: field-type"]
    assert said(written(tmp_path, {**ROOT, "apps/pod.yaml": pod}), "field-type") == found


def test_what_sops_has_encrypted_as_a_whole_is_not_judged(tmp_path: Path) -> None:
    cipher = "apiVersion: ENC[AES256_GCM,data:a]\nkind: ENC[AES256_GCM,data:b]\nmetadata: {name: a}\nsops: {mac: x}\n"
    files = {**ROOT, "apps/map.yaml": config_map("a"), "apps/secret.sops.yaml": cipher}
    assert said(written(tmp_path, files), "api-deprecated", "namespace-missing", "namespace-none") == []


def test_a_file_that_a_generator_reads_as_text_needs_not_be_yaml(tmp_path: Path) -> None:
    generator = "configMapGenerator: [{name: a, namespace: default, files: [blueprint.yaml]}]\n"
    files = {
        **ROOT,
        "apps/kustomization.yaml": f"{LIST}{generator}",
        "apps/blueprint.yaml": "a: &name b\nc: !KeyOf *name\n",
    }
    assert said(written(tmp_path / "text", files), "not-yaml") == []
    files["apps/kustomization.yaml"] += "resources: [blueprint.yaml]\n"
    assert said(written(tmp_path / "manifest", files), "not-yaml") == ["apps/blueprint.yaml: not-yaml"]


@pytest.mark.parametrize("line", ["  # - ./b/ks.yaml", "  #  ./b/ks.yaml", "  #- ./b"])
def test_an_app_that_is_commented_out_with_its_dash_or_without_is_meant_to_be(line: str, tmp_path: Path) -> None:
    files = {
        **ROOT,
        "apps/kustomization.yaml": f"{LIST}resources:\n  - ./map.yaml\n  - ./a.yaml\n{line}\n",
        "apps/map.yaml": config_map("a"),
        "apps/a.yaml": kustomization("a", "./a"),
        "a/map.yaml": config_map("b"),
        "apps/b/ks.yaml": kustomization("b", "./b") + kustomization("c", "./c"),
    }
    assert said(written(tmp_path / "commented", files), "app-not-listed") == []
    files["apps/kustomization.yaml"] = files["apps/kustomization.yaml"].replace(line, "")
    [finding] = findings(written(tmp_path / "missing", files), ["app-not-listed"])
    assert finding.text == "Kustomization b and 1 more are applied by nobody"


def test_a_patch_in_a_file_is_no_app_that_nobody_lists(tmp_path: Path) -> None:
    component = LIST.replace("v1beta1", "v1alpha1").replace("Kustomization", "Component")
    files = {
        **ROOT,
        "apps/map.yaml": config_map("a"),
        "apps/a.yaml": kustomization("a", "./a"),
        "a/map.yaml": config_map("b"),
        "apps/c/kustomization.yaml": f"{component}patches: [{{target: {{kind: Kustomization}}, path: p/waits.yaml}}]\n",
        "apps/c/p/waits.yaml": kustomization("not-used", "./nowhere"),
    }
    assert said(written(tmp_path, files), "app-not-listed") == []


def test_a_root_whose_source_bootstrap_makes_is_one_whatever_kind_that_is(tmp_path: Path) -> None:
    files = {
        **ROOT,
        "apps/ks.yaml": kustomization("a", "./apps/a"),
        "apps/a/map.yaml": config_map("a"),
        "dev/flux/ks.yaml": kustomization("dev", "./dev/apps", source="OCIRepository, name: dev"),
        "dev/apps/ks.yaml": kustomization("b", "./dev/b", source="OCIRepository, name: dev"),
        "dev/b/map.yaml": config_map("b"),
    }
    assert {each.name for each in written(tmp_path, files).kustomizations} >= {"dev", "b"}


# --- What is filled in ---

WEBHOOK = HELM_RELEASE.format(name="webhook", namespace="default", chart="kustomize-mutating-webhook")
POLICY = """\
---
apiVersion: kyverno.io/v1
kind: ClusterPolicy
metadata: {name: variables}
spec:
  rules:
    - name: variables
      match: {any: [{resources: {kinds: [kustomize.toolkit.fluxcd.io/v1/Kustomization]}}]}
      mutate: {patchStrategicMerge: {spec: {postBuild: {substitute: {DOMAIN: example.com}}}}}
"""


@pytest.mark.parametrize("changer", ["", WEBHOOK, POLICY])
def test_variables_that_come_at_admission_are_not_judged_and_that_is_said(changer: str, tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/root"),
        "apps/root/ks.yaml": kustomization("a", "./apps/a") + kustomization("b", "./apps/b"),
        "apps/a/map.yaml": f"{CONFIG_MAP.format(name='a', namespace='default')}{changer}",
        "apps/b/route.yaml": (
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n"
            "metadata: {name: a, namespace: default}\nspec: {hostnames: ['a.${DOMAIN}']}\n"
        ),
    }
    cluster = written(tmp_path, files)
    assert said(cluster, "substitution-off") == ([] if changer else ["apps/b/route.yaml: substitution-off"])
    assert ("substitution-off" in cluster.unjudged) is bool(changer)


@pytest.mark.parametrize(("line", "is_found"), [('  # url: "${DOMAIN}"', False), ('  url: "${DOMAIN}" # mine', True)])
def test_a_variable_in_a_comment_of_a_generated_file_breaks_nothing(line: str, is_found: bool, tmp_path: Path) -> None:
    files = {
        **ROOT,
        "apps/ks.yaml": kustomization("a", "./a", more="  postBuild: {substitute: {A: b}}\n"),
        "a/kustomization.yaml": f"{LIST}configMapGenerator: [{{name: a, namespace: default, files: [app.conf]}}]\n",
        "a/app.conf": f"app:\n{line}\n  a: ${{A}}\n",
    }
    found = ["a/app.conf: substitution-undefined"] if is_found else []
    assert said(written(tmp_path, files), "substitution-undefined") == found


def test_what_an_external_secret_brings_is_known_and_goes_before_the_settings(tmp_path: Path) -> None:
    brought = """\
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: secrets, namespace: flux-system}
spec:
  target: {name: cluster-secrets, template: {data: {ADDRESS: "{{ .a }}"}}}
  dataFrom: [{extract: {key: a}}]
"""
    sources = "[{kind: ConfigMap, name: settings}, {kind: Secret, name: cluster-secrets}]"
    pool = (
        "apiVersion: cilium.io/v2\nkind: CiliumLoadBalancerIPPool\nmetadata: {name: a}\n"
        "spec: {blocks: [{cidr: 10.9.0.0/24}]}\n"
    )
    service = (
        "---\napiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  namespace: default\n"
        "  annotations: {lbipam.cilium.io/ips: '${ADDRESS}', example.com/a: '${OTHER}'}\n"
        "spec: {type: LoadBalancer, ports: [{port: 80}]}\n"
    )
    files = {
        "flux/ks.yaml": kustomization("root", "./apps"),
        "apps/settings.yaml": config_map("settings", "flux-system").replace("A: b", "ADDRESS: 10.0.0.9"),
        "apps/secrets.yaml": brought,
        "apps/ks.yaml": kustomization("a", "./a", more=f"  postBuild: {{substituteFrom: {sources}}}\n"),
        "a/service.yaml": service,
        "a/pool.yaml": pool,
    }
    cluster = written(tmp_path, files)
    assert said(cluster, "address-outside-pool", "substitution-undefined") == ["a/service.yaml: substitution-undefined"]


def test_a_source_is_found_by_the_name_that_flux_fills_in(tmp_path: Path) -> None:
    source = (
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
        "metadata: {name: '${CHART:=app-template}', namespace: default}\nspec: {interval: 1h, url: oci://example.com/a}\n"
    )
    release = HELM_RELEASE.format(name="a", namespace="default", chart="a")
    release = release[: release.index("  chart:")] + "  chartRef: {kind: OCIRepository, name: app-template}\n"
    more = "  postBuild: {substitute: {A: b}}\n"
    files = {**ROOT, "apps/ks.yaml": kustomization("a", "./a", more=more), "a/release.yaml": source + release}
    assert said(written(tmp_path / "default", files), "source-unknown") == []
    files["apps/ks.yaml"] = files["apps/ks.yaml"].replace("{A: b}", "{CHART: other}")
    assert said(written(tmp_path / "other", files), "source-unknown") == ["a/release.yaml: source-unknown"]
    files["apps/ks.yaml"] = files["apps/ks.yaml"].replace(
        "substitute: {CHART: other}", "substituteFrom: [{kind: Secret, name: s}]"
    )
    assert said(written(tmp_path / "unknown", files), "source-unknown") == []


# --- Who makes it, who lists it ---


def test_a_proxy_of_authentik_and_a_namespace_of_cilium_are_made_by_their_charts(tmp_path: Path) -> None:
    policy = "apiVersion: cilium.io/v2\nkind: CiliumNetworkPolicy\nmetadata: {name: a, namespace: cilium-secrets}\n"
    route = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a, namespace: default}\n"
        "spec: {rules: [{backendRefs: [{name: ak-outpost-home, namespace: security, port: 9000}]}]}\n"
    )
    charts = HELM_RELEASE.format(name="sso", namespace="security", chart="authentik")
    charts += HELM_RELEASE.format(name="cilium", namespace="kube-system", chart="cilium")
    files = {
        "flux/ks.yaml": kustomization("root", "./apps"),
        "apps/ks.yaml": kustomization("a", "./a") + kustomization("b", "./b"),
        "a/policy.yaml": policy,
        "a/route.yaml": route,
        "b/charts.yaml": charts + NAMESPACE.format(name="security"),
    }
    rules = ("service-unknown", "namespace-missing")
    assert said(written(tmp_path / "charts", files), *rules) == []
    files["b/charts.yaml"] = NAMESPACE.format(name="security")
    assert said(written(tmp_path / "none", files), *rules) == [
        "a/policy.yaml: namespace-missing",
        "a/route.yaml: service-unknown",
    ]


@pytest.mark.parametrize(
    ("path", "is_found"),
    [
        ("k/secrets/key.sops.yaml", True),
        ("k/bootstrap/secrets/key.sops.yaml", False),
        ("k/archive/key.sops.yaml", False),
        ("k/secrets/named.sops.yaml", False),
    ],
)
def test_an_encrypted_file_that_a_script_or_bootstrap_applies_is_not_left_over(
    path: str, is_found: bool, tmp_path: Path
) -> None:
    files = {
        "k/flux/ks.yaml": kustomization("root", "./k/apps"),
        "k/apps/map.yaml": config_map("a"),
        "k/apps/ks.yaml": kustomization("a", "./k/a"),
        "k/a/map.yaml": config_map("b"),
        "Taskfile.yaml": "tasks: {a: {cmds: [sops -d k/secrets/named.sops.yaml | kubectl apply -f -]}}\n",
        path: ENCRYPTED,
    }
    assert said(written(tmp_path, files), "secret-not-listed") == ([f"{path}: secret-not-listed"] if is_found else [])


def test_several_clusters_may_each_rename_a_namespace(tmp_path: Path) -> None:
    listing = f"{LIST}namespace: media\nresources: [n.yaml, ks.yaml]\n"
    files: dict[str, str] = {}
    for name in ("main", "test"):
        files |= {
            f"{name}/flux/ks.yaml": kustomization("root", f"./{name}/apps"),
            f"{name}/apps/kustomization.yaml": listing,
            f"{name}/apps/n.yaml": NAMESPACE.format(name="_"),
            f"{name}/apps/ks.yaml": kustomization("a", f"./{name}/a"),
            f"{name}/a/map.yaml": config_map("a", "media"),
        }
    assert said(written(tmp_path, files), "namespace-renamed", "name-taken") == []


def test_a_patch_from_above_that_keeps_every_source_of_variables_replaces_nothing(tmp_path: Path) -> None:
    def root(*names: str) -> str:
        listed = "".join(f"{{kind: Secret, name: {name}, optional: true}}, " for name in names)
        patch = f"[{{op: add, path: /spec/postBuild, value: {{substituteFrom: [{listed}]}}}}]"
        return kustomization(
            "root", "./apps", more=f"  patches: [{{target: {{kind: Kustomization}}, patch: '{patch}'}}]\n"
        )

    own = "  postBuild: {substituteFrom: [{kind: Secret, name: a}]}\n"
    files = {
        "flux/ks.yaml": root("a", "b"),
        "apps/ks.yaml": kustomization("a", "./a", more=own),
        "a/map.yaml": config_map("a"),
    }
    assert said(written(tmp_path / "kept", files), "root-patch-replaces") == []
    files["flux/ks.yaml"] = root("b")
    assert said(written(tmp_path / "lost", files), "root-patch-replaces") == ["apps/ks.yaml: root-patch-replaces"]


BUNDLE = "apiVersion: trust.cert-manager.io/v1alpha1\nkind: Bundle\nmetadata: {name: a}\n"
DRAGON = "apiVersion: example.com/v1\nkind: Dragon\nmetadata: {name: a, namespace: default}\n"


@pytest.mark.parametrize(("item", "is_found"), [(BUNDLE, False), (DRAGON, True)])
def test_a_health_check_without_namespace_is_wrong_of_kinds_that_have_one(
    item: str, is_found: bool, tmp_path: Path
) -> None:
    version, kind = (item.splitlines()[number].partition(": ")[2] for number in (0, 1))
    more = f"  targetNamespace: default\n  healthChecks: [{{apiVersion: {version}, kind: {kind}, name: a}}]\n"
    files = {**ROOT, "apps/ks.yaml": kustomization("a", "./a", more=more).replace("wait: true", "wait: false")}
    files["a/item.yaml"] = item
    found = ["apps/ks.yaml: health-check-without-namespace"] if is_found else []
    assert said(written(tmp_path, files), "health-check-without-namespace") == found


POOL = (
    "apiVersion: cilium.io/v2\nkind: CiliumLoadBalancerIPPool\nmetadata: {{name: a}}\n"
    "spec: {{blocks: [{{cidr: {cidr}}}]}}\n"
)
SERVICE = """\
---
apiVersion: v1
kind: Service
metadata: {{name: {name}, namespace: default, annotations: {{lbipam.cilium.io/ips: {address}}}}}
spec: {{{more}ports: [{{port: 80}}]}}
"""


@pytest.mark.parametrize(("more", "is_found"), [("", False), ("type: LoadBalancer, ", True)])
def test_an_address_is_taken_by_what_is_a_load_balancer_alone(more: str, is_found: bool, tmp_path: Path) -> None:
    def release(name: str) -> str:
        service = f"{{app: {{{more}annotations: {{lbipam.cilium.io/ips: 10.0.0.9}}, ports: {{a: {{port: 80}}}}}}}}"
        text = HELM_RELEASE.format(name=name, namespace="default", chart="app-template")
        return f"{text}  values: {{controllers: {{app: {{}}}}, service: {service}}}\n"

    files = {
        **ROOT,
        "apps/pool.yaml": POOL.format(cidr="10.0.0.0/24"),
        "apps/a.yaml": release("a"),
        "apps/b.yaml": release("b"),
        "apps/c.yaml": SERVICE.format(name="c", address="10.0.0.9", more=more),
    }
    found = ["apps/b.yaml: address-twice", "apps/c.yaml: address-twice"] if is_found else []
    assert said(written(tmp_path, files), "address-twice") == found


def test_each_cluster_of_a_repository_has_pools_of_its_own(tmp_path: Path) -> None:
    files: dict[str, str] = {}
    for name, cidr in (("main", "10.0.0.0/24"), ("test", "10.0.1.0/24")):
        files |= {
            f"{name}/flux/ks.yaml": kustomization("root", f"./{name}/apps"),
            f"{name}/apps/ks.yaml": kustomization("a", f"./{name}/a"),
            f"{name}/a/pool.yaml": POOL.format(cidr=cidr),
            f"{name}/a/s.yaml": SERVICE.format(name="a", address="10.0.0.9", more="type: LoadBalancer, "),
        }
    rules = ("address-outside-pool", "address-twice")
    assert said(written(tmp_path, files), *rules) == ["test/a/s.yaml: address-outside-pool"]


def test_a_service_of_app_template_is_found_by_the_name_that_flux_fills_in(tmp_path: Path) -> None:
    release = HELM_RELEASE.format(name="'${APP}-Proxy'", namespace="default", chart="app-template")
    values = "  values: {controllers: {app: {}}, service: {app: {ports: {a: {port: 80}}}}}\n"
    route = (
        "---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a, namespace: default}\n"
        "spec: {rules: [{backendRefs: [{name: '${APP}-proxy', port: 80}]}]}\n"
    )
    more = "  postBuild: {substitute: {APP: blog}}\n"
    files = {**ROOT, "apps/ks.yaml": kustomization("a", "./a", more=more), "a/release.yaml": release + values + route}
    assert said(written(tmp_path / "one", files), "service-unknown") == []
    files["a/release.yaml"] = release + values + route.replace("-proxy", "-other")
    assert said(written(tmp_path / "other", files), "service-unknown") == ["a/release.yaml: service-unknown"]


def test_a_list_that_neither_flux_nor_bootstrap_builds_misses_nothing(tmp_path: Path) -> None:
    listing = f"{LIST}resources: [nothere.yaml]\n"
    files = {
        "k/flux/ks.yaml": kustomization("root", "./k/apps"),
        "k/apps/media/kustomization.yaml": f"{LIST}resources: [ks.yaml]\n",
        "k/apps/media/left-over/kustomization.yaml": listing,
        "k/apps/media/ks.yaml": kustomization("a", "./k/a"),
        "k/a/kustomization.yaml": listing,
        "k/old-app/kustomization.yaml": listing,
        "k/bootstrap/kustomization.yaml": listing,
    }
    assert said(written(tmp_path, files), "resource-missing") == [
        "k/a/kustomization.yaml: resource-missing",
        "k/bootstrap/kustomization.yaml: resource-missing",
    ]


def test_an_empty_file_holds_nothing_to_encrypt(tmp_path: Path) -> None:
    files = {**ROOT, "apps/map.yaml": config_map("a"), "talos/empty.sops.yaml": "", "talos/full.sops.yaml": "a: b\n"}
    files["talos/talenv.sops.yaml.example"] = "password: your own\n"
    assert said(written(tmp_path, files), "secret-not-encrypted") == ["talos/full.sops.yaml: secret-not-encrypted"]


# --- What is a secret ---

BLUEPRINT = """\
version: 1
entries:
  - model: authentik_providers_proxy.proxyprovider
    attrs:
      authorization_flow:
        !Find [authentik_flows.flow, [slug, default-provider-authorization-flow]]
      access_token_validity: hours=4
      external_host: https://${APP_DOMAIN:=${APP}.${DOMAIN}}
"""
ALERTS = """\
receivers:
  - name: chat
    slack_configs:
      - api_url_file: /etc/alertmanager/secrets/alertmanager/slack-webhook-url
        token_file: '/etc/alertmanager/secrets/alertmanager/token'
        text: |
          FILLED_IN_LATER
          *Something is wrong* with the cluster
"""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blueprint.yaml", BLUEPRINT),
        ("alertmanager.yaml", ALERTS),
        ("SECRET_EXAMPLE", "Secrets for your cluster go in this file, and this file is encrypted with sops"),
        ("NUXT_STORAGE_DRIVER", "cloudflare"),
        ("INFERENCE_TEXT_MODEL", "gpt-4o-mini"),
        ("userID", "kubernetes"),
        ("HOME_URL", "https://home.${SECRET_DOMAIN:=internal}"),
        ("ACCESS_TOKEN", "${BRIDGE_ACCESS_TOKEN:=access_token}"),
        ("clusterID", "407036f5-0000-44ff-ba81-1f219b7a8a64"),
        ("protocol", "https"),
        ("TRANSFORMERS_CACHE", "/cache"),
        ("SIDECAR_IMAGE", "ghcr.io/example/sidecar:1.2.3"),
        ("RESTIC_PASSWORD", "${schema.spec.restic.password}"),
        ("credentials.json", "${TUNNEL_CREDENTIALS:=sample}"),
        ("config.js", '"use strict";\nmodule.exports = {\n  public: false,\n  // the port\n  port: 9000,\n};\n'),
    ],
)
def test_settings_and_sentences_are_no_secrets(name: str, value: str) -> None:
    assert not is_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("blueprint.yaml", f"{BLUEPRINT}      client_secret: hunter2\n"),
        ("blueprint.yaml", f"{BLUEPRINT}      - !Context 9f86d081884c7d659a2feaa0c55ad015\n"),
        (
            "alertmanager.yaml",
            ALERTS.replace("token_file: '/etc/alertmanager/secrets/alertmanager/token'", "token: abc"),
        ),
        ("netrc.yaml", "a:\n  machine example.net login me password hunter2\n"),
        ("seed", "correct horse battery staple under the old oak tree"),
        ("token_value", "hunter2"),
        ("ACCESS_TOKEN", "${BRIDGE_ACCESS_TOKEN:=hunter2}"),
        ("config.js", '"use strict";\nmodule.exports = {\n  password: "hunter2",\n};\n'),
    ],
)
def test_beside_settings_a_secret_is_one(name: str, value: str) -> None:
    assert is_secret(name, value)


# --- How loud it is ---


def test_errors_of_one_cause_are_one_finding() -> None:
    rule = RULES["substitution-off"]
    many = [Finding(rule, Place(f"{number}.yaml", 1), f"a{number} keeps it", "DOMAIN") for number in range(9)]
    few = [Finding(rule, Place(f"{number}.yaml", 2), f"a{number} keeps it", "OTHER") for number in range(3)]
    [first, *others] = output.condensed([*many, *few])
    assert first.text == "a0 keeps it, and 8 more like it in 9 files: --rule substitution-off shows them"
    assert others == few


def test_many_apps_without_one_variable_are_one_finding(tmp_path: Path) -> None:
    route = (
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: NAME, namespace: default}\n"
        "spec: {hostnames: ['NAME.${DOMAIN}']}\n"
    )
    files = {"flux/ks.yaml": kustomization("root", "./apps")}
    for name in "abcdef":
        files[f"apps/{name}.yaml"] = kustomization(name, f"./{name}")
        files[f"{name}/route.yaml"] = route.replace("NAME", name)
    cluster: Cluster = written(tmp_path, files)
    every = findings(cluster, ["substitution-off"])
    assert len(every) == 6 and len(output.condensed(every)) == 1


def test_placeholders_of_ansible_and_keys_in_tests_of_others_are_no_secrets(tmp_path: Path) -> None:
    task = "- definition:\n    kind: Secret\n    stringData: {token: '{{ platform_token }}'}\n"
    key = "-----BEGIN PRIVATE KEY-----\nMIIBVgIBADANBgkqhkiG9w0BAQEFAASCAUAwggE8AgEAAkEA\n-----END PRIVATE KEY-----\n"
    files = {
        **ROOT,
        "apps/map.yaml": config_map("a"),
        "ansible/roles/a/tasks/main.yml": task,
        "ansible/collections/ansible_collections/b/tests/key.pem": key,
        "mine/key.pem": key,
    }
    assert said(written(tmp_path, files), "secret-plain", "secret-readable") == ["mine/key.pem: secret-readable"]


def test_the_template_of_a_chart_is_no_secret_that_can_not_be_read(tmp_path: Path) -> None:
    template = "{{- if .Values.a }}\nkind: Secret\n{{ else\n"
    files = {**ROOT, "apps/map.yaml": config_map("a"), "charts/a/Chart.yaml": "name: a\n"}
    files |= {"charts/a/templates/secret.yaml": template, "apps/secret.yaml": "kind: Secret\na: [\n"}
    assert said(written(tmp_path, files), "secret-plain", "not-yaml") == ["apps/secret.yaml: not-yaml"]


def test_the_namespace_of_what_is_built_with_something_of_others_may_come_with_it(tmp_path: Path) -> None:
    url = "https://github.com/example/app//config?ref=v1.2.3"
    files = {
        **ROOT,
        "apps/ks.yaml": kustomization("a", "./a") + kustomization("b", "./b"),
        "a/kustomization.yaml": f"{LIST}resources: [map.yaml, '{url}']\n",
        "a/map.yaml": config_map("a", "auth"),
        "b/map.yaml": config_map("b", "nowhere"),
    }
    assert said(written(tmp_path, files), "namespace-missing") == ["b/map.yaml: namespace-missing"]
