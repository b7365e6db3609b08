"""adopt:app names every mending with its lines, and with them the checks find no error in the app."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from talos_flux.apps.house_style import in_house_style
from talos_flux.check.rule import Severity
from talos_flux.check.rules import findings
from talos_flux.manifests.flux_tree import Cluster
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home
from tests.support.others import listing, write
from tests.test_adopt_app import APP, CHART, PLAIN
from tests.test_moving import CLAIM, ROOT, ROOTS, SOURCE, ks

pytestmark = pytest.mark.full

WAITS = "  dependsOn:\n    - {name: disks, namespace: storage}\n    - {name: mail, namespace: media}\n"
# A chart that makes storage, and one that this cluster has under another name.
PROVISIONER = CHART.replace("films", "rook-ceph-cluster")
ROUTE = """\
    route:
      app:
        annotations:
          gethomepage.dev/name: Films # here
        hostnames: ["films.example.com", '{{ .Release.Name }}.example.com']
        parentRefs:
          - name: envoy-external
            namespace: networking
            sectionName: https
        rules:
          - backendRefs:
              - name: films
                port: 8080
            timeouts: {request: 0s}
"""
POLICY = """\
---
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: SecurityPolicy
metadata:
  name: films
spec:
  targetRefs:
    - {group: gateway.networking.k8s.io, kind: HTTPRoute, name: films}
"""
RESTORE = """\
---
apiVersion: kopia.example.org/v1
kind: Restore
metadata:
  name: films
"""
FILLED = CLAIM.format(name="films") + "  dataSourceRef: {apiGroup: kopia.example.org, kind: Restore, name: films}\n"


@pytest.fixture
def home(home_with: Callable[..., Home]) -> Home:
    """Provide a cluster with Ingresses, the storage class local-path and the namespace media."""
    return prepared(home_with(secrets_backend="sops", storage="local-path", components=[]))


def prepared(home: Home) -> Home:
    home.add("namespace", "kubernetes/apps/media")
    home.commit()
    return home


def old(home: Home, files: dict[str, str]) -> Path:
    """Write another repository, with the app films."""
    root = home.root.parent / "old"
    usual = {
        ROOT: ROOTS,
        "kubernetes/apps/media/kustomization.yaml": listing("films/ks.yaml"),
        f"{APP}/ks.yaml": PLAIN,
        f"{APP}/app/pvc.yaml": CLAIM.format(name="films"),
    }
    write(root, usual | files)
    return root


def adopt(home: Home, *options: str) -> str:
    """Return the report, line by line."""
    command = [*TALOS_FLUX, "app", "adopt", "--app", "media/films", "--from", "../old", *options]
    return subprocess.run(command, cwd=home.root, capture_output=True, text=True, check=True).stdout


def mend_by_hand(home: Home, report: str) -> None:
    """Write the lines that a report names, and nothing else."""
    hunks = re.findall(r"^    (\S+), line (\d+):\n((?:    [-+].*\n)+)", report, re.MULTILINE)
    # From the last line to the first, so that the numbers of the others stay valid.
    for path, number, body in sorted(hunks, key=lambda hunk: -int(hunk[1])):
        changes = [line.removeprefix("    ") for line in body.splitlines()]
        before, after = ([line[1:] for line in changes if line[0] == sign] for sign in "-+")
        lines, start = home.text(path).split("\n"), int(number) - 1
        assert lines[start : start + len(before)] == before
        lines[start : start + len(before)] = after
        home.write(path, "\n".join(lines))


def errors(home: Home) -> list[str]:
    """Return the errors that the checks find."""
    every = findings(Cluster(home.root))
    return [str(finding) for finding in every if finding.rule.severity is Severity.ERROR]


def test_the_lines_that_it_names_are_all_that_is_to_mend(home: Home) -> None:
    source = SOURCE.format(name="rook-ceph-cluster").replace("app-template", "rook-ceph-cluster")
    files = {
        f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{WAITS}"),
        f"{APP}/app/pvc.yaml": CLAIM.format(name="films") + "  storageClassName: ceph-block\n",
        f"{APP}/app/source.yaml": SOURCE.format(name="films"),
        f"{APP}/app/helmrelease.yaml": CHART + ROUTE,
        "kubernetes/apps/media/kustomization.yaml": listing("films/ks.yaml", "mail/ks.yaml"),
        "kubernetes/apps/media/mail/ks.yaml": ks("mail", "media"),
        "kubernetes/apps/media/mail/app/pvc.yaml": CLAIM.format(name="mail"),
        "kubernetes/apps/storage/kustomization.yaml": listing("disks/ks.yaml"),
        "kubernetes/apps/storage/disks/ks.yaml": ks("disks", "storage"),
        "kubernetes/apps/storage/disks/app/helmrelease.yaml": PROVISIONER,
        "kubernetes/apps/storage/disks/app/source.yaml": source,
    }
    old(home, files)
    report = adopt(home)
    assert "local-path-provisioner does here what disks did." in report
    assert (
        "nothing here does what mail did: leave it out, or bring it first: `task adopt:app APP=media/mail FROM=../old`."
    ) in report
    assert (
        "an Ingress of the class external takes its place, since there is no Gateway here, and has no timeouts"
        in report
    )
    assert len(errors(home)) == 4
    mend_by_hand(home, report)
    assert errors(home) == []
    kustomization = yaml.safe_load(home.text(f"{APP}/ks.yaml"))
    assert kustomization["spec"]["dependsOn"] == [{"name": "local-path-provisioner"}]
    values = yaml.safe_load(home.text(f"{APP}/app/helmrelease.yaml"))["spec"]["values"]
    path = {"path": "/", "service": {"identifier": "app", "port": 8080}}
    hosts = ("films.example.com", "{{ .Release.Name }}.example.com")
    assert "route" not in values
    assert values["ingress"]["app"]["hosts"] == [{"host": host, "paths": [path]} for host in hosts]
    assert values["ingress"]["app"]["className"] == "external"
    assert "gethomepage.dev/name: Films # here\n" in home.text(f"{APP}/app/helmrelease.yaml")


def test_mend_writes_the_same_lines(home: Home) -> None:
    files = {f"{APP}/app/pvc.yaml": CLAIM.format(name="films") + "  storageClassName: ceph-block # fast\n"}
    old(home, files)
    assert "Errors to mend: 0" in adopt(home, "--mend")
    assert home.text(f"{APP}/app/pvc.yaml").endswith("  storageClassName: local-path # fast\n")
    assert errors(home) == []


def test_a_class_that_a_variable_names_is_set_for_this_app_alone(home: Home) -> None:
    claim = CLAIM.format(name="${APP}") + "  storageClassName: ${CLASS:-ceph-block}\n"
    component = "kubernetes/components/volume"
    own = "  components: [../../../../components/volume]\n  postBuild: {substitute: {APP: films}}\n"
    files = {
        f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{own}"),
        f"{component}/kustomization.yaml": listing("pvc.yaml", kind="Component"),
        f"{component}/pvc.yaml": claim,
        f"{APP}/app/pvc.yaml": CLAIM.format(name="other"),
    }
    old(home, files)
    assert len(errors(home)) == 0
    assert "storage-class-unknown" in adopt(home, "--mend")
    assert errors(home) == []
    assert home.text(f"{component}/pvc.yaml") == claim
    kustomization = yaml.safe_load(home.text(f"{APP}/ks.yaml"))
    assert kustomization["spec"]["postBuild"]["substitute"] == {"APP": "films", "CLASS": "local-path"}


def test_kinds_that_nobody_brings_are_named_with_who_brings_them_there(home: Home) -> None:
    operator = CHART.replace("films", "kopia").replace("app-template", "kopia")
    files = {
        f"{APP}/app/pvc.yaml": FILLED,
        f"{APP}/app/restore.yaml": RESTORE,
        f"{APP}/app/kustomization.yaml": listing("pvc.yaml", "restore.yaml"),
        "kubernetes/apps/media/kustomization.yaml": listing("films/ks.yaml", "kopia/ks.yaml"),
        "kubernetes/apps/media/kopia/ks.yaml": ks("kopia", "media"),
        "kubernetes/apps/media/kopia/app/helmrelease.yaml": operator,
    }
    old(home, files)
    report = adopt(home)
    kinds = f"nobody brings the kinds of kopia.example.org into this cluster: Restore in {APP}/app/restore.yaml"
    assert f"{APP}/app/restore.yaml:2: {kinds}" in report
    assert "or bring kopia.example.org first: `task adopt:app APP=media/kopia FROM=../old`." in report
    mend_by_hand(home, report)
    assert "dataSourceRef" not in home.text(f"{APP}/app/pvc.yaml")
    assert "restore.yaml" not in home.text(f"{APP}/app/kustomization.yaml")


def test_a_kind_of_another_group_is_named_and_nothing_is_left_out(home: Home) -> None:
    text = "---\napiVersion: batch/v1\nkind: {kind}\nmetadata: {{name: {name}}}\n"
    files = {
        f"{APP}/app/job.yaml": text.format(kind="Job", name="films"),
        f"{APP}/app/node.yaml": text.format(kind="DaemonSet", name="node"),
        f"{APP}/app/kustomization.yaml": listing("job.yaml", "node.yaml", "pvc.yaml"),
    }
    old(home, files)
    report = adopt(home, "--mend")
    assert "batch has no kind DaemonSet, which is of apps" in report
    assert "leave DaemonSet" not in report
    listed = home.text(f"{APP}/app/kustomization.yaml")
    assert "job.yaml" in listed and "node.yaml" in listed


def test_an_app_whose_login_stays_behind_is_for_the_home(home: Home) -> None:
    component = "kubernetes/components/login"
    own = "  components: [../../../../components/login]\n"
    files = {
        f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{own}"),
        f"{component}/kustomization.yaml": listing("policy.yaml", kind="Component"),
        f"{component}/policy.yaml": POLICY,
        f"{APP}/app/source.yaml": SOURCE.format(name="films"),
        f"{APP}/app/helmrelease.yaml": CHART + ROUTE,
    }
    old(home, files)
    report = adopt(home, "--mend")
    assert "what asks for a login there stays behind, so it is for the home alone" in report
    assert "className: internal\n" in home.text(f"{APP}/app/helmrelease.yaml")
    assert "components" not in yaml.safe_load(home.text(f"{APP}/ks.yaml"))["spec"]
    assert errors(home) == []


def test_a_gateway_of_another_name_becomes_the_one_of_that_side(home_with: Callable[..., Home]) -> None:
    home = prepared(home_with(secrets_backend="sops", storage="none", components=[], ingress_backend="envoy-gateway"))
    files = {
        f"{APP}/app/source.yaml": SOURCE.format(name="films"),
        f"{APP}/app/helmrelease.yaml": CHART + ROUTE.replace("envoy-external", "lan"),
    }
    old(home, files)
    assert "network/internal is the Gateway here for that side." in adopt(home, "--mend")
    route = yaml.safe_load(home.text(f"{APP}/app/helmrelease.yaml"))["spec"]["values"]["route"]["app"]
    assert route["parentRefs"] == [{"name": "internal", "namespace": "network", "sectionName": "https"}]
    assert errors(home) == []


def test_an_address_outside_of_the_pool_becomes_a_free_one(home: Home) -> None:
    asked = "type: LoadBalancer\n        annotations: {lbipam.cilium.io/ips: 10.9.8.7}\n        ports:"
    service = CHART.replace("        ports:", f"        {asked}")
    old(home, {f"{APP}/app/source.yaml": SOURCE.format(name="films"), f"{APP}/app/helmrelease.yaml": service})
    assert "is free in" in adopt(home, "--mend")
    assert errors(home) == []


@pytest.mark.parametrize(
    ("text", "styled"),
    [
        ("kind: A\n", "---\nkind: A\n"),
        ("# of it\nkind: A\n", "---\n# of it\nkind: A\n"),
        ("---\na: 0775\n", "---\na: 509 # 0775\n"),
        ("---\na: 0775 # why\n", "---\na: 509 # why\n"),
        ("---\na:\nb: 1\n", "---\na: null\nb: 1\n"),
        ("---\na: 1  \n\n\n\n\nb: {  c: 1  }\n\n", "---\na: 1\n\n\nb: { c: 1 }\n"),
        ("---\n#a\na: 1", "---\n# a\na: 1\n"),
        ("---\na: |\n  b: 0775  \n  c:\n  #d\n", "---\na: |\n  b: 0775  \n  c:\n  #d\n"),
        ("---\na: '0775'\n", "---\na: '0775'\n"),
    ],
)
def test_the_style_changes_and_the_meaning_does_not(text: str, styled: str) -> None:
    assert in_house_style(text) == styled
    assert list(yaml.safe_load_all(text)) == list(yaml.safe_load_all(styled))
