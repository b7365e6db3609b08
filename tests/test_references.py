"""What refers to what: who makes the target, how sure that is, and what the check leaves alone, with the reason."""

import subprocess
from pathlib import Path

import pytest

from talos_flux.check.rules import findings
from talos_flux.check.rules.key_references import fields_of
from talos_flux.check.rules.missing_references import unjudged
from talos_flux.manifests.flux_tree import Cluster
from tests.support.commands import TALOS_FLUX

FLUX = "---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n"
OF_FILES = "  sourceRef:\n    kind: GitRepository\n    name: flux-system\n"
GATEWAYS = "gateway.networking.k8s.io"
NETWORKS = (
    "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: x\n  annotations:\n"
    "    k8s.v1.cni.cncf.io/networks: media/iot@eth1, itt\n"
)
KINDS = {
    "Gateway": "gateway.networking.k8s.io/v1",
    "HTTPRoute": "gateway.networking.k8s.io/v1",
    "SecurityPolicy": "gateway.envoyproxy.io/v1alpha1",
    "Cluster": "postgresql.cnpg.io/v1",
    "ScheduledBackup": "postgresql.cnpg.io/v1",
    "NetworkAttachmentDefinition": "k8s.cni.cncf.io/v1",
    "EnvoyProxy": "gateway.envoyproxy.io/v1alpha1",
    "GatewayClass": "gateway.networking.k8s.io/v1",
    "ReplicationSource": "volsync.backube/v1alpha1",
    "VolumeSnapshotClass": "snapshot.storage.k8s.io/v1",
    "CiliumL2AnnouncementPolicy": "cilium.io/v2alpha1",
}


def thing(kind: str, name: str, spec: str = "", version: str = "") -> str:
    """Return an object whose spec is YAML in one line."""
    api_version = version or KINDS.get(kind, "v1")
    body = f"spec: {spec}\n" if spec else ""
    return f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}}}\n{body}"


def pod(spec: str) -> str:
    return thing("Pod", "notes", f"{{containers: [{{name: app, image: ghcr.io/example/app:1.0.0}}], {spec}}}")


def release(name: str, chart: str, values: str) -> str:
    """Return a HelmRelease with values in one line."""
    source = f"{{spec: {{chart: {chart}, version: 1.2.3, sourceRef: {{kind: HelmRepository, name: x}}}}}}"
    spec = f"{{interval: 1h, chart: {source}, values: {values}}}"
    return thing("HelmRelease", name, spec, "helm.toolkit.fluxcd.io/v2")


def app(root: Path, *objects: str, namespace: str = "media", name: str = "notes") -> Path:
    """Write a cluster with one app more in a namespace, each in a Kustomization of its own."""
    apps = root / "kubernetes/apps"
    folder = apps / namespace / name
    (folder / "app").mkdir(parents=True)
    (folder / "app/all.yaml").write_text("".join(objects))
    (folder / "app/kustomization.yaml").write_text("resources: [./all.yaml]\n")
    (folder / "ks.yaml").write_text(
        f"{FLUX}  name: {name}\n  namespace: flux-system\nspec:\n  interval: 1h\n  prune: true\n"
        f"  targetNamespace: {namespace}\n  path: ./kubernetes/apps/{namespace}/{name}/app\n{OF_FILES}"
    )
    (apps / namespace / "namespace.yaml").write_text(thing("Namespace", namespace))
    listed = sorted(path.parent.name for path in (apps / namespace).glob("*/ks.yaml"))
    names = ", ".join(f"./{each}/ks.yaml" for each in listed)
    (apps / namespace / "kustomization.yaml").write_text(f"resources: [./namespace.yaml, {names}]\n")
    (root / "kubernetes/flux").mkdir(exist_ok=True)
    (root / "kubernetes/flux/ks.yaml").write_text(
        f"{FLUX}  name: apps\n  namespace: flux-system\nspec:\n  interval: 1h\n  prune: true\n"
        f"  path: ./kubernetes/apps\n{OF_FILES}"
    )
    return root


def said(root: Path, *rules: str) -> list[str]:
    wanted = rules or ("reference-unknown", "reference-doubtful", "service-unknown", "service-port-unknown",
                       "listener-unknown", "key-unknown", "health-check-unknown")  # fmt: skip
    return [f"{finding.rule.id}: {finding.text}" for finding in findings(Cluster(root), wanted)]


# --- What is found ---

GATEWAY = thing("Gateway", "internal", "{gatewayClassName: envoy, listeners: [{name: http, port: 80, protocol: HTTP},"
                " {name: https, port: 443, protocol: HTTPS, allowedRoutes: {namespaces: {from: All}}}]}")  # fmt: skip
CLASS = thing("GatewayClass", "envoy", "{controllerName: gateway.envoyproxy.io/gatewayclass-controller}")
SERVICE = thing("Service", "echo", "{ports: [{name: http, port: 8080}]}")


def route(parent: str, backend: str) -> str:
    return thing("HTTPRoute", "other", f"{{parentRefs: [{parent}], rules: [{{backendRefs: [{backend}]}}]}}")


@pytest.mark.parametrize(
    ("objects", "found"),
    [
        (
            [pod("volumes: [{name: a, configMap: {name: typo}}]")],
            "reference-doubtful: Pod media/notes names ConfigMap media/typo",
        ),
        (
            [pod("volumes: [{name: a, projected: {sources: [{secret: {name: typo}}]}}]")],
            "reference-doubtful: Pod media/notes names Secret media/typo",
        ),
        ([pod("serviceAccountName: typo")], "reference-doubtful: Pod media/notes names ServiceAccount media/typo"),
        ([pod("imagePullSecrets: [{name: typo}]")], "reference-doubtful: Pod media/notes names Secret media/typo"),
        (
            [
                thing("Cluster", "main", "{instances: 1, storage: {size: 1Gi}}"),
                thing("ScheduledBackup", "x", "{cluster: {name: mian}}"),
            ],
            "reference-unknown: ScheduledBackup media/x names Cluster media/mian",
        ),
        (
            [thing("NetworkAttachmentDefinition", "iot"), NETWORKS],
            "reference-unknown: Pod media/x names NetworkAttachmentDefinition media/itt",
        ),
        (
            [thing("VolumeSnapshotClass", "snapshots"), thing("ReplicationSource", "x", "{sourcePVC: gone}")],
            "reference-doubtful: ReplicationSource media/x names PersistentVolumeClaim media/gone",
        ),
        (
            [
                thing("ReplicationSource", "x", "{restic: {volumeSnapshotClassName: snapshosts}}"),
                thing("VolumeSnapshotClass", "snapshots"),
            ],
            "reference-unknown: ReplicationSource media/x names VolumeSnapshotClass snapshosts",
        ),
        (
            [thing("SecurityPolicy", "x", f"{{targetRefs: [{{group: {GATEWAYS}, kind: HTTPRoute, name: gone}}]}}")],
            "reference-doubtful: SecurityPolicy media/x names HTTPRoute media/gone",
        ),
        (
            [SERVICE, thing("SecurityPolicy", "x", "{extAuth: {http: {backendRefs: [{name: outpost, port: 9000}]}}}")],
            "service-unknown: SecurityPolicy media/x leads to Service media/outpost, which is not there",
        ),
        (
            [CLASS, GATEWAY, route("{name: internal}", "{name: echo, namespace: gone, port: 80}")],
            "service-unknown: HTTPRoute media/other leads to Service gone/echo",
        ),
        (
            [CLASS, GATEWAY, SERVICE, route("{name: internal, sectionName: websecure}", "{name: echo, port: 8080}")],
            "listener-unknown: Gateway media/internal has no listener websecure, which HTTPRoute media/other names",
        ),
        (
            [CLASS, GATEWAY, SERVICE, route("{name: internal}", "{name: echo, port: 9999}")],
            "service-port-unknown: HTTPRoute media/other leads to port 9999 of Service echo, which has 8080, http",
        ),
        (
            [
                release(
                    "notes",
                    "app-template",
                    "{controllers: {notes: {}}, service: {app: {ports: {http: {port: 80}}}},"
                    " route: {app: {rules: [{backendRefs: [{identifier: app, port: 81}]}]}}}",
                )
            ],
            "service-port-unknown: HelmRelease media/notes leads to port 81 of Service app, which has 80, http",
        ),
        (
            [release("notes", "app-template", "{persistence: {config: {existingClaim: typo}}}")],
            "reference-doubtful: HelmRelease media/notes names PersistentVolumeClaim media/typo",
        ),
        (
            [release("authentik", "authentik", "{envFrom: [{secretRef: {name: gone}}]}")],
            "reference-doubtful: HelmRelease media/authentik names Secret media/gone",
        ),
        (
            [
                release("grafana", "grafana", "{admin: {existingSecret: grafana-admn}}"),
                thing("OnePasswordItem", "grafana-admin", "{itemPath: x}", "onepassword.com/v1"),
            ],
            "reference-doubtful: HelmRelease media/grafana names Secret media/grafana-admn",
        ),
        (
            [release("grafana", "grafana", "{admin: {existingSecret: grafana}}")],
            "reference-doubtful: HelmRelease media/grafana names Secret media/grafana",
        ),
    ],
)
def test_what_nothing_makes_is_found(objects: list[str], found: str, tmp_path: Path) -> None:
    (finding,) = said(app(tmp_path, *objects))
    assert finding.startswith(found)


def test_a_listener_takes_routes_of_its_own_namespace_alone_unless_it_says_more(tmp_path: Path) -> None:
    app(tmp_path, CLASS, GATEWAY, namespace="network", name="gateways")
    app(tmp_path, SERVICE, route("{name: internal, namespace: network, sectionName: http}", "{name: echo, port: 8080}"))
    (finding,) = said(tmp_path)
    assert finding == ("listener-unknown: http of Gateway network/internal takes no routes of media, "
                       "where HTTPRoute media/other is")  # fmt: skip


def test_one_that_is_in_another_namespace_is_said_to_be_there(tmp_path: Path) -> None:
    app(tmp_path, thing("Cluster", "postgres", "{instances: 1}"), namespace="database", name="postgres")
    app(tmp_path, thing("ScheduledBackup", "x", "{cluster: {name: postgres}}"))
    (finding,) = said(tmp_path)
    assert finding.endswith("which nothing here makes: it is in namespace database")


# --- What is there ---


@pytest.mark.parametrize(
    ("names", "objects"),
    [
        ("main-app", [thing("Cluster", "main", "{instances: 1}")]),
        ("notes", [thing("OnePasswordItem", "notes", "{itemPath: x}", "onepassword.com/v1")]),
        ("notes-tls", [thing("Certificate", "x", "{secretName: notes-tls}", "cert-manager.io/v1")]),
        ("sealed", [thing("SealedSecret", "sealed", "{encryptedData: {A: x}}", "bitnami.com/v1alpha1")]),
        ("notes-own", [release("notes", "app-template", "{secrets: {own: {}, other: {}}}")]),
        ("renamed", [release("notes", "app-template", "{secrets: {own: {forceRename: renamed}}}")]),
        ("{{ .Release.Name }}-own", [release("notes", "app-template", "{secrets: {own: {}, other: {}}}")]),
        ("redis-password", [release("redis", "redis", "{auth: {enabled: true}}")]),
        ("of-chart", [release("db", "mysql", "{auth: {createSecret: of-chart}}")]),
        ("bucket", [thing("ObjectBucketClaim", "bucket", "{}", "objectbucket.io/v1alpha1")]),
    ],
)
def test_a_secret_of_an_operator_or_a_chart_is_there(names: str, objects: list[str], tmp_path: Path) -> None:
    pods = release(
        "pods",
        "app-template",
        f"{{controllers: {{x: {{containers: {{x: {{envFrom: [{{secretRef: {{name: '{names}'}}}}]}}}}}}}}}}",
    )
    root = app(tmp_path, *objects, pods.replace("{{ .Release.Name }}", "notes"))
    assert said(root) == []


def test_a_secret_that_a_reflector_copies_is_there(tmp_path: Path) -> None:
    annotation = "reflector.v1.k8s.emberstack.com/reflection-auto-enabled: 'true'"
    copied = f"---\napiVersion: v1\nkind: Secret\nmetadata: {{name: wildcard, annotations: {{{annotation}}}}}\n"
    app(tmp_path, copied, namespace="network", name="wildcard")
    assert said(app(tmp_path, pod("imagePullSecrets: [{name: wildcard}]"))) == []


def test_what_another_repository_may_bring_is_left_alone_in_its_own_namespace(tmp_path: Path) -> None:
    away = (
        FLUX
        + "  name: away\nspec:\n  interval: 1h\n  prune: true\n  path: ./x\n  targetNamespace: media\n"
        + OF_FILES.replace("flux-system", "away")
    )
    app(tmp_path, pod("imagePullSecrets: [{name: one}]"), away)
    app(tmp_path, pod("imagePullSecrets: [{name: two}]"), namespace="other", name="other")
    (finding,) = said(tmp_path)
    assert "Secret other/two" in finding


def test_a_health_check_that_names_no_namespace_finds_nothing(tmp_path: Path) -> None:
    root = app(tmp_path, thing("Cluster", "notes", "{instances: 1}"))
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    checks = "  healthChecks:\n    - {apiVersion: postgresql.cnpg.io/v1, kind: Cluster, name: notes%s}\n"
    good = ks.read_text()
    ks.write_text(good + checks % "")
    (finding,) = said(root, "health-check-unknown", "health-check-without-namespace")
    assert finding == "health-check-without-namespace: notes looks at Cluster notes in no namespace"
    ks.write_text(good + checks % ", namespace: media")
    assert said(root, "health-check-unknown", "health-check-without-namespace") == []


# --- Templates of ExternalSecrets ---


@pytest.mark.parametrize(
    ("template", "names"),
    [
        ("postgres://{{ .USER }}:{{ .PASS | urlquery }}@db", ["USER", "PASS"]),
        ('{{ index . "a-b" }}', ["a-b"]),
        ('{{ printf "%s.x" .A }}', ["A"]),
        ("{{- .A -}}{{/* .B */}}", ["A"]),
        ("{{ $x.y }} {{ (fromJson .A).b }} {{ .A.b }}", ["A", "A"]),
        ("{{ range .A }}{{ .B }}{{ end }}", []),
        ("{{ if .A }}x{{ end }}", ["A"]),
        ("plain .text", []),
    ],
)
def test_what_a_template_reads_of_the_data_is_known(template: str, names: list[str]) -> None:
    assert fields_of(template) == names


# --- Load balancers ---

L2 = thing("CiliumL2AnnouncementPolicy", "l2", "{loadBalancerIPs: true}")
PROXY = "{provider: {type: Kubernetes, kubernetes: {envoyService: %s}}}"


@pytest.mark.parametrize(
    ("objects", "count"),
    [
        ([thing("EnvoyProxy", "x", PROXY % "{annotations: {a: b}}")], 1),
        ([thing("EnvoyProxy", "x", PROXY % "{externalTrafficPolicy: Cluster}")], 0),
        ([thing("EnvoyProxy", "x", PROXY % "{type: ClusterIP}")], 0),
        ([release("cilium", "cilium", "{gatewayAPI: {enabled: true, externalTrafficPolicy: Local}}")], 1),
        ([release("cilium", "cilium", "{gatewayAPI: {enabled: true}}")], 0),
        ([release("nginx", "nginx-ingress", "{controller: {service: {annotations: {a: b}}}}")], 1),
        ([release("nginx", "ingress-nginx", "{controller: {service: {annotations: {a: b}}}}")], 0),
        (
            [
                thing("GatewayClass", "envoy", "{controllerName: gateway.envoyproxy.io/gatewayclass-controller}"),
                GATEWAY,
            ],
            1,
        ),
    ],
)
def test_a_policy_that_is_local_by_default_is_found(objects: list[str], count: int, tmp_path: Path) -> None:
    assert len(said(app(tmp_path, L2, *objects), "traffic-policy-local")) == count


# --- What is left alone ---


def test_what_is_not_judged_is_explained(tmp_path: Path) -> None:
    objects = [pod("volumes: [{name: a, configMap: {name: '${MAP}'}}]"), release("redis", "redis", "{}")]
    root = app(tmp_path, *objects, thing("Pod", "x", "{volumes: [{name: a, secret: {secretName: redis-x}}]}"))
    reasons = [text for _, text in unjudged(Cluster(root))]
    assert reasons == [
        "ConfigMap media/${MAP}: the name has a variable or a template whose value is not in the files",
        "Secret media/redis-x: HelmRelease redis may make it",
    ]
    shown = subprocess.run(
        [*TALOS_FLUX, "check", "--root", str(root), "--explain", "reference-doubtful"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "Not judged here: 2" in shown
    assert "  HelmRelease redis may make it:\n    kubernetes/apps/media/notes/app/all.yaml:" in shown
