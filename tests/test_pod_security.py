"""The checks judge pods as Kubernetes does: its own table of pods, and a real API server with app-template's."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.check.rules import findings
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.pod_security import BASELINE, LEVELS, PRIVILEGED, RESTRICTED, offences
from talos_flux.manifests.pod_specs import pods
from tests.doubles import app_template
from tests.support import modules
from tests.support.apiserver import ApiServer
from tests.support.needs import needs
from tests.support.repository import Object

# The newest version that this module has cases for; the checks did not change since.
TABLE = ("k8s.io/pod-security-admission@v0.36.4", "v1.35")
# Values beside those of a good release, and the finding of each in a namespace of level baseline; empty for none.
FIRST = {"image": {"repository": "a", "tag": "1"}, "resources": {"limits": {"cpu": 1, "memory": "1Gi"}}}
ADDS = {"securityContext": {"capabilities": {"add": ["NET_ADMIN"]}}}
DEVICE = {"type": "hostPath", "hostPath": "/dev/dri"}
VALUES: dict[str, tuple[dict[str, Any], str]] = {
    "a device": ({"persistence": {"dri": DEVICE}}, "hostPath /dev/dri of persistence.dri needs privileged"),
    "a device that is off": ({"persistence": {"dri": {**DEVICE, "enabled": False}}}, ""),
    "a network": ({"defaultPodOptions": {"hostNetwork": True}}, "hostNetwork needs privileged"),
    "a network that a controller has not": (
        {"defaultPodOptions": {"hostNetwork": True}, "controllers": {"app": {"pod": {"hostNetwork": False}}}}, "",
    ),
    "two at once": (
        {"defaultPodOptions": {"hostPID": True}, "persistence": {"dri": DEVICE}},
        "hostPID and hostPath /dev/dri of persistence.dri need privileged",
    ),
    "a capability": (
        {"controllers": {"app": {"containers": {"app": ADDS}}}},
        "capability NET_ADMIN of container app needs privileged",
    ),
    "a first container": (
        {"controllers": {"app": {"initContainers": {"vpn": {**FIRST, "securityContext": {"privileged": True}}}}}},
        "privileged of container vpn needs privileged",
    ),
    "a context that replaces the default": (
        {
            "defaultPodOptions": {"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}},
            "controllers": {"app": {"pod": {"securityContext": {"runAsUser": 1000}}}},
        }, "",
    ),
    "a share": ({"persistence": {"media": {"type": "nfs", "server": "nas", "path": "/a"}}}, ""),
}  # fmt: skip


def cluster_of(root: Path, objects: list[Object], labels: dict[str, str]) -> Cluster:
    """Return a cluster that applies objects, in a namespace with labels."""
    flux = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": "root", "namespace": "flux-system"},
        "spec": {"path": "./apps", "targetNamespace": "media", "sourceRef": {"kind": "GitRepository", "name": "root"}},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "media", "labels": labels}}
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": {"name": "app-template"},
        "spec": {"url": "oci://ghcr.io/bjw-s-labs/helm/app-template"},
    }  # fmt: skip
    (root / "apps").mkdir(parents=True)
    (root / "flux").mkdir()
    (root / "flux/ks.yaml").write_text(yaml.safe_dump(flux))
    names = []
    for number, item in enumerate([namespace, source, *objects]):
        names.append(f"{number}.yaml")
        (root / "apps" / names[-1]).write_text(yaml.safe_dump(item, sort_keys=False))
    (root / "apps/kustomization.yaml").write_text(
        yaml.safe_dump({"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", "resources": names})
    )
    return Cluster(root)


def release(values: dict[str, Any]) -> Object:
    return {
        "apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": {"name": "app"},
        "spec": {"chartRef": {"kind": "OCIRepository", "name": "app-template"}, "values": merged(GOOD, values)},
    }  # fmt: skip


GOOD = {"controllers": {"app": {"containers": {"app": FIRST}}}}


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {key: merged(old[key], new[key]) for key in old.keys() & new.keys() if isinstance(old[key], dict)}
    return {**old, **new, **both}


def refused(cluster: Cluster) -> list[str]:
    return [one.text.removeprefix("Namespace media allows ") for one in findings(cluster, ["pod-security-refused"])]


@pytest.mark.parametrize("name", VALUES)
def test_what_a_release_asks_for_beyond_its_namespace_is_named(name: str, tmp_path: Path) -> None:
    values, expected = VALUES[name]
    cluster = cluster_of(tmp_path, [release(values)], {"pod-security.kubernetes.io/enforce": "baseline"})
    assert refused(cluster) == ([f"baseline: {expected}"] if expected else [])


@pytest.mark.parametrize("level", ["", "privileged", "${LEVEL}"])
def test_a_namespace_of_which_no_file_says_that_it_refuses_something_has_no_finding(level: str, tmp_path: Path) -> None:
    labels = {"pod-security.kubernetes.io/enforce": level} if level else {}
    assert refused(cluster_of(tmp_path, [release({"persistence": {"dri": DEVICE}})], labels)) == []


@pytest.mark.parametrize(
    ("file", "patch"),
    [
        ("inventory.yaml", ""),
        ("patch.yaml", ""),
        ("inventory.yaml", "cluster:\n  apiServer:\n    admissionControl:\n      - $patch: delete\n"),
    ],
)
def test_a_namespace_without_a_label_is_baseline_where_talosctl_writes_the_configuration_and_no_patch_changes_it(
    file: str, patch: str, tmp_path: Path
) -> None:
    (tmp_path / "talos").mkdir()
    (tmp_path / f"talos/{file}").write_text(patch or "machine: {}\n")
    cluster = cluster_of(tmp_path, [release({"defaultPodOptions": {"hostNetwork": True}})], {})
    assert refused(cluster) == ([] if patch or file != "inventory.yaml" else ["baseline: hostNetwork needs privileged"])


def test_what_a_restricted_namespace_wants_to_be_said_is_named(tmp_path: Path) -> None:
    options = {"securityContext": {"runAsNonRoot": True}}
    values = {"defaultPodOptions": options, "persistence": {"media": {"type": "nfs", "server": "nas", "path": "/a"}}}
    cluster = cluster_of(tmp_path, [release(values)], {"pod-security.kubernetes.io/enforce": "restricted"})
    assert refused(cluster) == [
        "restricted: container app without allowPrivilegeEscalation: false, container app without "
        "capabilities.drop: [ALL], container app without a seccompProfile and nfs of persistence.media need baseline"
    ]


def test_a_workload_that_makes_no_pod_has_no_finding(tmp_path: Path) -> None:
    template = {"spec": {"hostNetwork": True, "containers": []}}
    cron = {"suspend": True, "jobTemplate": {"spec": {"template": template}}}
    objects = [
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "a"},
         "spec": {"replicas": 0, "template": template}},
        {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "a"}, "spec": cron},
    ]  # fmt: skip
    assert refused(cluster_of(tmp_path, objects, {"pod-security.kubernetes.io/enforce": "baseline"})) == []


@pytest.mark.full
@pytest.mark.slow
@needs("kube-apiserver")
def test_the_checks_judge_pods_as_kubernetes_own_table_does(tmp_path: Path) -> None:
    problems = []
    module, version = TABLE
    for level in (BASELINE, RESTRICTED):
        for verdict in ("pass", "fail"):
            files = sorted((modules.folder(module) / "test/testdata" / level / version / verdict).glob("*.yaml"))
            assert files
            for file in files:
                for number, item in enumerate(yaml.safe_load_all(file.read_text())):
                    if "windows" in str(item):
                        continue
                    cluster = cluster_of(tmp_path / level / verdict / f"{file.stem}-{number}", [item], {})
                    is_fine = not any(
                        LEVELS.index(one.needs) < LEVELS.index(level) for pod in pods(cluster) for one in offences(pod)
                    )
                    if is_fine != (verdict == "pass"):
                        problems.append(f"{level}/{verdict}/{file.name} {number}")
    assert problems == []


@pytest.mark.full
@needs("kube-apiserver")
@pytest.mark.parametrize("level", [BASELINE, RESTRICTED, PRIVILEGED])
@pytest.mark.parametrize("name", VALUES)
def test_the_api_server_refuses_what_the_checks_do(name: str, level: str, server: ApiServer, tmp_path: Path) -> None:
    values = VALUES[name][0]
    made = app_template.render("app", "media", merged(GOOD, values))
    (pod,) = [item["spec"]["template"] for item in made if item["kind"] == "Deployment"]
    is_found = bool(refused(cluster_of(tmp_path, [release(values)], {"pod-security.kubernetes.io/enforce": level})))
    assert is_found == ("violates PodSecurity" in server.objection_to_pod(pod, "media", level))
