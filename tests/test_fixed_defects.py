"""Defects of kinds that people have fixed in living repositories: each is found, and nothing once it is fixed."""

from collections.abc import Callable
from pathlib import Path

import pytest

from talos_flux.check.rules import findings
from talos_flux.manifests.flux_tree import Cluster
from tests.support.others import write
from tests.test_references import GATEWAYS, app, pod, release, thing

HTTP = "{containers: [{name: app, image: ghcr.io/example/app:1.0.0}], "
RBAC = "rbac.authorization.k8s.io/v1"
SUBJECTS = "subjects: [{kind: ServiceAccount, name: default, namespace: media}]"
OUTPOST = (
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: outpost, namespace: login}\nspec: {ports: [{port: 9000}]}\n"
)
ACROSS = thing(
    "SecurityPolicy", "x", "{extAuth: {http: {backendRefs: [{name: outpost, namespace: login, port: 9000}]}}}"
)
STACK = "kube-prometheus-stack"
TWO = "service: {app: {ports: {http: {port: 80}}}, feed: {ports: {http: {port: 81}}}}"
TLS = "[{backendRefs: [{name: NAME, port: 443}]}]"


def grant(kind: str, namespace: str = "media") -> str:
    group = "gateway.envoyproxy.io" if kind == "SecurityPolicy" else GATEWAYS
    spec = f"{{from: [{{group: {group}, kind: {kind}, namespace: {namespace}}}], to: [{{group: '', kind: Service}}]}}"
    return thing("ReferenceGrant", "x", spec, f"{GATEWAYS}/v1beta1").replace("{name: x}", "{name: x, namespace: login}")


def froms(number: int) -> str:
    entries = ", ".join(["{group: a, kind: B, namespace: c}"] * number)
    return f"{{from: [{entries}], to: [{{group: '', kind: Service}}]}}"


def of_rbac(kind: str, body: str) -> str:
    return f"---\napiVersion: {RBAC}\nkind: {kind}\nmetadata: {{name: reader}}\n{body}\n"


def binding(role: str, kind: str = "RoleBinding") -> str:
    return of_rbac(kind, f"roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: {role}, name: reader}}\n{SUBJECTS}")


def volume(name: str, spec: str) -> str:
    more = "accessModes: [ReadWriteMany], capacity: {storage: 1Gi}, nfs: {server: 192.168.1.2, path: /a}"
    return thing("PersistentVolume", name, f"{{{more}, {spec}}}")


def claim(name: str, spec: str, size: str = "1Gi") -> str:
    return thing("PersistentVolumeClaim", name, f"{{resources: {{requests: {{storage: {size}}}}}, {spec}}}")


def values(text: str) -> str:
    return release("notes", "app-template", "{controllers: {notes: {}}, " + text + "}").replace("1.2.3", "4.1.1")


def tls(name: str, backend: str) -> str:
    spec = f"{{parentRefs: [{{name: tls}}], hostnames: [{name}.example.net], rules: {TLS.replace('NAME', backend)}}}"
    return thing("TLSRoute", backend, spec, f"{GATEWAYS}/v1alpha2")


def labelled(level: str) -> Callable[[Path], None]:
    text = "---\napiVersion: v1\nkind: Namespace\nmetadata:\n  name: media\n  labels:\n"
    return lambda root: write(
        root, {"kubernetes/apps/media/namespace.yaml": f"{text}    pod-security.kubernetes.io/enforce: {level}\n"}
    )


def listed(*objects: str) -> list[str]:
    return list(objects)


CASES: dict[str, tuple[str, list[str], list[str]]] = {
    "a policy that leads into a namespace without a grant": (
        "reference-not-granted",
        listed(OUTPOST, ACROSS, grant("HTTPRoute")),
        listed(OUTPOST, ACROSS, grant("SecurityPolicy")),
    ),
    "a route of app-template that leads into a namespace with a grant for another": (
        "reference-not-granted",
        listed(
            OUTPOST,
            values("route: {app: {rules: [{backendRefs: [{name: outpost, namespace: login}]}]}}"),
            grant("HTTPRoute", "other"),
        ),
        listed(
            OUTPOST,
            values("route: {app: {rules: [{backendRefs: [{name: outpost, namespace: login}]}]}}"),
            grant("HTTPRoute"),
        ),
    ),
    "a route of app-template that names none of two services": (
        "route-without-backend",
        listed(values(f"{TWO}, route: {{app: {{hostnames: [a.example.net]}}}}")),
        listed(values(f"{TWO}, route: {{app: {{rules: [{{backendRefs: [{{identifier: app, port: 80}}]}}]}}}}")),
    ),
    "a container with a field of pods": (
        "value-field-unknown",
        listed(values("defaultContainerOptions: {securityContext: {fsGroup: 1000}}")),
        listed(values("defaultPodOptions: {securityContext: {fsGroup: 1000}}")),
    ),
    "a field that the sync of a FluxInstance does not have": (
        "value-field-unknown",
        listed(release("flux-instance", "flux-instance", "{instance: {sync: {secretRef: key}}}")),
        listed(release("flux-instance", "flux-instance", "{instance: {sync: {pullSecret: key}}}")),
    ),
    "a binding to a Role where there is a ClusterRole": (
        "reference-doubtful",
        listed(of_rbac("ClusterRole", "rules: []"), binding("Role")),
        listed(
            of_rbac("ClusterRole", "rules: []"), binding("ClusterRole"), binding("ClusterRole", "ClusterRoleBinding")
        ),
    ),
    "a certificate of a database that nobody makes": (
        "reference-doubtful",
        listed(thing("Cluster", "main", "{instances: 1, storage: {size: 1Gi}, certificates: {serverCASecret: gone}}")),
        listed(
            thing("Cluster", "main", "{instances: 1, storage: {size: 1Gi}, certificates: {serverCASecret: main-ca}}")
        ),
    ),
    "a health check by a version that Flux serves no more": (
        "api-deprecated",
        listed("flux", thing("ConfigMap", "a"), "helm.toolkit.fluxcd.io/v2beta1"),
        listed("flux", thing("ConfigMap", "a"), "helm.toolkit.fluxcd.io/v2"),
    ),
    "a claim of another class than its volume": (
        "claim-volume-differs",
        listed(
            volume("data", "storageClassName: nfs"),
            claim("data", "accessModes: [ReadWriteMany], volumeName: data, storageClassName: ''"),
        ),
        listed(
            volume("data", "storageClassName: nfs"),
            claim("data", "accessModes: [ReadWriteMany], volumeName: data, storageClassName: nfs"),
        ),
    ),
    "a claim of a mode that its volume does not have": (
        "claim-volume-differs",
        listed(
            volume("x", "storageClassName: '', claimRef: {namespace: media, name: data}"),
            claim("data", "accessModes: [ReadWriteOnce], storageClassName: ''"),
        ),
        listed(
            volume("x", "storageClassName: '', claimRef: {namespace: media, name: data}"),
            claim("data", "accessModes: [ReadWriteMany], storageClassName: ''"),
        ),
    ),
    "a claim of more than its volume has": (
        "claim-volume-differs",
        listed(
            volume("x", "storageClassName: ''"),
            claim("data", "accessModes: [ReadWriteMany], volumeName: x, storageClassName: ''", "1Ti"),
        ),
        listed(
            volume("x", "storageClassName: ''"),
            claim("data", "accessModes: [ReadWriteMany], volumeName: x, storageClassName: ''"),
        ),
    ),
    "a port that the Service of a chart does not have": (
        "service-port-unknown",
        listed(
            release(STACK, STACK, "{}"),
            thing("HTTPRoute", "x", f"{{rules: [{{backendRefs: [{{name: {STACK}-grafana, port: 3000}}]}}]}}"),
        ),
        listed(
            release(STACK, STACK, "{}"),
            thing("HTTPRoute", "x", f"{{rules: [{{backendRefs: [{{name: {STACK}-grafana, port: 80}}]}}]}}"),
        ),
    ),
    "a Service of a chart with a letter wrong": (
        "service-unknown",
        listed(
            release("grafana", "grafana", "{}"),
            thing("HTTPRoute", "x", "{rules: [{backendRefs: [{name: grafna, port: 80}]}]}"),
        ),
        listed(
            release("grafana", "grafana", "{}"),
            thing("HTTPRoute", "x", "{rules: [{backendRefs: [{name: grafana, port: 80}]}]}"),
        ),
    ),
    "a service account that the values of app-template do not have": (
        "identifier-unknown",
        listed(
            release(
                "notes",
                "app-template",
                "{controllers: {notes: {serviceAccount: {identifier: app}}}, serviceAccount: {notes: {}}}",
            ).replace("1.2.3", "4.1.1")
        ),
        listed(
            release(
                "notes",
                "app-template",
                "{controllers: {notes: {serviceAccount: {identifier: notes}}}, serviceAccount: {notes: {}}}",
            ).replace("1.2.3", "4.1.1")
        ),
    ),
    "a group with a letter too many": (
        "kind-unknown",
        listed("---\napiVersion: notifications.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: a}\n"),
        listed("---\napiVersion: notification.toolkit.fluxcd.io/v1beta3\nkind: Alert\nmetadata: {name: a}\n"),
    ),
    "a required field with nothing after it": (
        "field-missing",
        listed(thing("Service", "a", "{ports: [{port: }]}")),
        listed(thing("Service", "a", "{ports: [{port: 80}]}")),
    ),
    "a grant for more than the API takes": (
        "field-form",
        listed(
            thing(
                "ReferenceGrant",
                "a",
                froms(17),
                f"{GATEWAYS}/v1beta1",
            )
        ),
        listed(
            thing(
                "ReferenceGrant",
                "a",
                froms(16),
                f"{GATEWAYS}/v1beta1",
            )
        ),
    ),
}


def said(root: Path, rule: str) -> list[str]:
    return [finding.text for finding in findings(Cluster(root), [rule])]


def applied(root: Path, objects: list[str]) -> Path:
    """Write a cluster with these objects, those of login in an app of their own.

    After `flux` stand an object, and the version of a HelmRelease that the Kustomization looks at.
    """
    if theirs := [one for one in objects if ", namespace: login}" in one.partition("spec:")[0]]:
        app(root, *theirs, namespace="login", name="outpost")
    if objects[0] != "flux":
        return app(root, *(one for one in objects if one not in theirs))
    app(root, objects[1])
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    check = f"[{{apiVersion: {objects[2]}, kind: HelmRelease, name: notes, namespace: media}}]"
    ks.write_text(f"{ks.read_text()}  healthChecks: {check}\n")
    text = "# Flux Version: v2.7.0\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: flux}\n"
    write(root, {"kubernetes/flux/gotk.yaml": text})
    return root


@pytest.mark.parametrize("name", CASES)
def test_a_defect_is_found_until_it_is_fixed(name: str, tmp_path: Path) -> None:
    rule, wrong, right = CASES[name]
    assert len(said(applied(tmp_path / "wrong", wrong), rule)) == 1
    assert said(applied(tmp_path / "right", right), rule) == []


@pytest.mark.parametrize(("chart", "given", "level", "count"), [
    (STACK, "{}", "baseline", 1),
    (STACK, "{nodeExporter: {enabled: false}}", "baseline", 0),
    (STACK, "{nodeExporter: {enabled: false}, grafana: {persistence: {enabled: true}}}", "restricted", 1),
    (STACK, "{}", "privileged", 0),
    ("gha-runner-scale-set", "{containerMode: {type: dind}}", "baseline", 1),
    ("gha-runner-scale-set", "{containerMode: {type: kubernetes}}", "baseline", 0),
    ("longhorn", "{}", "restricted", 1),
])  # fmt: skip
def test_a_chart_needs_what_its_pods_need(chart: str, given: str, level: str, count: int, tmp_path: Path) -> None:
    root = app(tmp_path, release("one", chart, given))
    labelled(level)(root)
    assert len(said(root, "pod-security-refused")) == count


@pytest.mark.parametrize(("names", "backends", "count"), [
    (("nas", "nas"), ("nas", "garage"), 1),
    (("nas", "garage"), ("nas", "garage"), 0),
])  # fmt: skip
def test_two_tls_routes_of_one_app_have_no_host_in_common(
    names: tuple[str, str], backends: tuple[str, str], count: int, tmp_path: Path
) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    folder = "kubernetes/apps/media/notes/app"
    write(root, {f"{folder}/{one}.yaml": tls(name, one) for name, one in zip(names, backends, strict=True)})
    write(root, {f"{folder}/kustomization.yaml": f"resources: [./{backends[0]}.yaml, ./{backends[1]}.yaml]\n"})
    assert len(said(root, "host-twice")) == count


@pytest.mark.parametrize(("text", "count"), [
    ("https://s3.{HOME_DOMAIN}", 1),
    ("https://s3.{$HOME_DOMAIN}", 1),
    ("https://s3.${HOME_DOMAIN}", 0),
    ("https://s3.{OTHER_DOMAIN}", 0),
    ("{{HOME_DOMAIN}}", 0),
])  # fmt: skip
def test_a_variable_without_its_dollar_sign_is_found(text: str, count: int, tmp_path: Path) -> None:
    root = app(tmp_path, thing("Cluster", "main", f"{{instances: 1, backup: {{endpointURL: '{text}'}}}}"))
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    ks.write_text(f"{ks.read_text()}  postBuild: {{substitute: {{HOME_DOMAIN: example.net}}}}\n")
    assert len(said(root, "substitution-misspelt")) == count


@pytest.mark.parametrize(("name", "count"), [("SECRET_DOMAN", 1), ("SECRET_DOMAIN", 0), ("SECRET_DOMAIN_2", 0)])
def test_a_letter_tells_a_variable_from_one_that_no_file_has(name: str, count: int, tmp_path: Path) -> None:
    root = app(
        tmp_path, f"---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata: {{host: '${{{name}}}'}}\n"
    )
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    of = "substitute: {SECRET_DOMAIN: example.net}, substituteFrom: [{kind: Secret, name: mine, optional: true}]"
    ks.write_text(f"{ks.read_text()}  postBuild: {{{of}}}\n")
    assert len(said(root, "substitution-misspelt")) == count


@pytest.mark.parametrize(("decryption", "count"), [
    ("", 1), ("  decryption: {}\n", 1), ("  decryption: {provider: sops}\n", 0),
])  # fmt: skip
def test_a_generator_of_an_encrypted_file_needs_decryption(decryption: str, count: int, tmp_path: Path) -> None:
    root = app(tmp_path, thing("ConfigMap", "a"))
    ks = root / "kubernetes/apps/media/notes/ks.yaml"
    ks.write_text(ks.read_text() + decryption)
    write(root, {
        "kubernetes/apps/media/notes/app/all.env": "PASSWORD=ENC[AES256_GCM,data:x]\nsops_mac=ENC[AES256_GCM,data:y]\n",
        "kubernetes/apps/media/notes/app/kustomization.yaml": "secretGenerator: [{name: notes, envs: [all.env]}]\n",
    })  # fmt: skip
    assert len(said(root, "secret-not-decrypted")) == count


def test_a_pod_has_the_fields_of_its_own_kind(tmp_path: Path) -> None:
    assert said(app(tmp_path, pod("securityContext: {fsGroup: 1000}")), "value-field-unknown") == []
