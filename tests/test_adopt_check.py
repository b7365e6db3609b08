"""adopt-check says what Flux would delete, leave and make anew when a cluster gets another repository."""

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.doubles.workplace import environment
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home
from tests.support.needs import needs
from tests.support.others import listing, write
from tests.support.render import PROJECT

pytestmark = pytest.mark.full

KS = """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
{meta}spec:
  interval: 1h
  path: ./{path}
  prune: true
  sourceRef:
    kind: GitRepository
    name: flux-system
    namespace: flux-system
"""
IN_FLUX_SYSTEM = "  namespace: flux-system\n"
ORPHANS = """\
  patches:
    - target: {group: kustomize.toolkit.fluxcd.io, kind: Kustomization}
      patch: |-
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata: {name: any}
        spec: {deletionPolicy: Orphan}
"""
NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  annotations:
    kustomize.toolkit.fluxcd.io/prune: {prune}
"""
ENCRYPTED = """\
---
apiVersion: v1
kind: Secret
metadata:
  name: {name}
stringData:
  value: ENC[AES256_GCM,data:cGFwZXI=,iv:aXY=,tag:dGFn,type:str]
sops:
  encrypted_regex: ^(data|stringData)$
"""
CLAIM = """\
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: {name}
"""
RELEASE = """\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
spec:
  chart:
    spec:
      chart: {chart}
      version: {version}
      sourceRef:
        kind: HelmRepository
        name: charts
        namespace: flux-system
"""
DATABASE = """\
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata:
  name: {name}
spec:
  instances: 1
"""
DASHBOARD = "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n"
ROOTS = "kubernetes/flux/cluster/ks.yaml"
APPS = "kubernetes/apps"
ANSWERS = {"secrets_backend": "sops", "storage": "none", "components": []}


def ks(place: str, more: str = "", meta: str = "", folder: str = "") -> str:
    """Return an app's Flux Kustomization; without `meta` its namespace's kustomization.yaml says where it is."""
    namespace, name = place.split("/")
    path = f"{folder or f'{APPS}/{place}'}/app"
    return KS.format(name=name, meta=meta, path=path) + f"  targetNamespace: {namespace}\n{more}"


COMMON = {"namespace": "", "components": "../../components/common"}
CLAIM_OF_APP = "  postBuild:\n    substitute:\n      APP: jellyfin\n"
OLD = {
    ROOTS: KS.format(name="cluster-apps", meta=IN_FLUX_SYSTEM, path=APPS) + ORPHANS,
    "kubernetes/components/common/kustomization.yaml": listing(
        "namespace.yaml", "cluster-secrets.sops.yaml", "sops-age.sops.yaml", kind="Component"
    ),
    "kubernetes/components/common/namespace.yaml": NAMESPACE.format(name="any", prune="disabled"),
    "kubernetes/components/common/cluster-secrets.sops.yaml": ENCRYPTED.format(name="cluster-secrets"),
    "kubernetes/components/common/sops-age.sops.yaml": ENCRYPTED.format(name="sops-age"),
    # Moved.
    f"{APPS}/media/kustomization.yaml": listing(
        "jellyfin/ks.yaml", "paperless/ks.yaml", **COMMON | {"namespace": "media"}
    ),
    f"{APPS}/media/jellyfin/ks.yaml": ks("media/jellyfin", CLAIM_OF_APP),
    f"{APPS}/media/jellyfin/app/helmrelease.yaml": RELEASE.format(
        name="jellyfin", chart="app-template", version="4.2.0"
    ),
    f"{APPS}/media/jellyfin/app/pvc.yaml": CLAIM.format(name="${CLAIM:=${APP}}"),
    # Not moved.
    f"{APPS}/media/paperless/ks.yaml": ks("media/paperless"),
    f"{APPS}/media/paperless/app/helmrelease.yaml": RELEASE.format(
        name="paperless", chart="app-template", version="4.2.0"
    ),
    f"{APPS}/media/paperless/app/pvc.yaml": CLAIM.format(name="paperless") + CLAIM.format(name="paperless-inbox"),
    f"{APPS}/media/paperless/app/secret.sops.yaml": ENCRYPTED.format(name="paperless"),
    # In another namespace, and in a folder that is not called like it.
    f"{APPS}/databases/kustomization.yaml": listing("postgres/ks.yaml", **COMMON | {"namespace": "dbms"}),
    f"{APPS}/databases/postgres/ks.yaml": ks("dbms/postgres", folder=f"{APPS}/databases/postgres"),
    f"{APPS}/databases/postgres/app/cluster.yaml": DATABASE.format(name="postgres"),
    # What goes on under its name.
    f"{APPS}/flux-system/kustomization.yaml": listing("flux-instance/ks.yaml", **COMMON | {"namespace": "flux-system"}),
    f"{APPS}/flux-system/flux-instance/ks.yaml": ks("flux-system/flux-instance"),
    f"{APPS}/flux-system/flux-instance/app/helmrelease.yaml": RELEASE.format(
        name="flux-instance", chart="flux-instance", version="0.40.0"
    ),
    f"{APPS}/flux-system/flux-instance/app/dashboard.yaml": DASHBOARD.format(name="flux-dashboard"),
    f"{APPS}/kube-system/kustomization.yaml": listing("cilium/ks.yaml", **COMMON | {"namespace": "kube-system"}),
    f"{APPS}/kube-system/cilium/ks.yaml": ks("kube-system/cilium"),
    f"{APPS}/kube-system/cilium/app/helmrelease.yaml": RELEASE.format(name="cilium", chart="cilium", version="1.17.9"),
}
NEW = {
    f"{APPS}/media/namespace.yaml": NAMESPACE.format(name="media", prune="disabled"),
    f"{APPS}/media/kustomization.yaml": listing("namespace.yaml", "jellyfin/ks.yaml"),
    f"{APPS}/media/jellyfin/ks.yaml": ks("media/jellyfin", CLAIM_OF_APP, IN_FLUX_SYSTEM),
    f"{APPS}/media/jellyfin/app/helmrelease.yaml": RELEASE.format(
        name="jellyfin", chart="app-template", version="5.1.0"
    ),
    f"{APPS}/media/jellyfin/app/pvc.yaml": CLAIM.format(name="${CLAIM:=${APP}}"),
    f"{APPS}/databases/namespace.yaml": NAMESPACE.format(name="databases", prune="disabled"),
    f"{APPS}/databases/kustomization.yaml": listing("namespace.yaml", "postgres/ks.yaml"),
    f"{APPS}/databases/postgres/ks.yaml": ks("databases/postgres", "", IN_FLUX_SYSTEM),
    f"{APPS}/databases/postgres/app/cluster.yaml": DATABASE.format(name="postgres"),
}


class Move:
    """Two repositories side by side."""

    def __init__(self, home: Home) -> None:
        self.new, self.old = home.root, home.root.parent / "old"
        write(self.old, OLD)
        write(self.new, NEW)

    def check(self, old: str = "../old") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*TALOS_FLUX, "app", "takeover", f"--from={old}"],
            cwd=self.new,
            capture_output=True,
            text=True,
            check=False,
        )

    def says(self) -> str:
        """Return the report."""
        done = self.check()
        assert (done.returncode in (0, 1), done.stderr) == (True, "")
        return done.stdout

    def under(self, heading: str) -> list[str]:
        """Return the lines under a heading; none when the heading is missing."""
        found = re.search(rf"^{heading}:\n((?:  .+\n)+)", self.says(), re.MULTILINE)
        return [line.strip() for line in found[1].splitlines()] if found else []

    def refuses(self, old: str) -> str:
        """Return the sentence with which the check refuses."""
        done = self.check(old)
        assert (done.returncode, done.stdout) == (3, "")
        return done.stderr.strip()

    def edit(self, root: Path, path: str, old: str, new: str) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new, 1))

    def list_in(self, root: Path, path: str, entry: str) -> None:
        """Add a line to the resources of a kustomization.yaml, which stand at its end."""
        (root / path).write_text(f"{(root / path).read_text()}  - {entry}\n")


@pytest.fixture
def move(home_with: Callable[..., Home]) -> Move:
    return Move(home_with(**ANSWERS))


def line_about(text: str, lines: list[str]) -> str:
    [found] = [line for line in lines if text in line]
    return found


# --- All of it ---


def test_the_report_reads_from_the_worst_to_the_numbers(move: Move) -> None:
    said = move.says()
    headings = re.findall(r"^(\w.*):$", said, re.MULTILINE)
    assert headings == ["Deleted", "Moved to another namespace", "Charts", "Left, and applied by nobody"]
    last = said.splitlines()[-1]
    assert re.fullmatch(
        r"\d+ objects are deleted, 1 object is moved, \d+ objects are left, \d+ objects are taken over\. "
        r"Next: bring along what you want to keep, or annotate it in the old repository with "
        r"kustomize\.toolkit\.fluxcd\.io/prune: disabled and push that; then ask again\.",
        last,
    )
    assert move.check().returncode == 1


@pytest.mark.witness
@pytest.mark.slow
def test_a_repository_in_the_place_of_its_like_loses_nothing(move: Move) -> None:
    subprocess.run(["cp", "-r", str(move.new), str(move.old.parent / "twin")], check=True)
    done = move.check("../twin")
    assert done.returncode == 0
    assert re.fullmatch(
        r"no objects are deleted, no objects are left, \d+ objects are taken over\. "
        r"Next: `flux diff kustomization cluster-apps --path kubernetes/apps` asks the cluster\.\n",
        done.stdout,
    )


@needs("task")
def test_the_task_looks_for_the_old_repository_where_the_person_is(move: Move) -> None:
    done = subprocess.run(
        ["task", "adopt:check", "FROM=../../old"],
        cwd=move.new / "kubernetes",
        env=os.environ | environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "objects are taken over" in done.stdout, done.stderr
    assert done.returncode != 0


# --- Deleted ---


def test_the_key_that_flux_decrypts_with_is_named_first(move: Move) -> None:
    first = move.under("Deleted")[0]
    assert first == (
        "Secret flux-system/sops-age (kubernetes/components/common/sops-age.sops.yaml, "
        "Kustomization flux-system/cluster-apps): without it Flux decrypts nothing."
    )


def test_a_key_beside_old_apps_is_deleted_and_not_missed(move: Move) -> None:
    path = f"{APPS}/media/paperless/ks.yaml"
    move.edit(
        move.old, path, "  prune: true", "  decryption: {provider: sops, secretRef: {name: sops-age}}\n  prune: true"
    )
    said = line_about("Secret media/sops-age", move.under("Deleted"))
    assert said.endswith(": Flux decrypted with it, and now does with flux-system/sops-age.")


def test_the_secret_that_flux_pulls_with_comes_before_namespaces(move: Move) -> None:
    move.edit(
        move.new,
        f"{APPS}/flux-system/flux-instance/app/helmrelease.yaml",
        "        interval: 5m\n",
        "        interval: 5m\n        pullSecret: deploy-token\n",
    )
    secret = f"{APPS}/flux-system/flux-instance/app/deploy-token.sops.yaml"
    write(move.old, {secret: ENCRYPTED.format(name="deploy-token")})
    said = move.under("Deleted")[:2]
    assert line_about("deploy-token", said).endswith(": without it Flux pulls nothing.")


def test_an_object_of_a_kustomization_that_stays_is_deleted_with_its_file(move: Move) -> None:
    assert (
        "ConfigMap flux-system/flux-dashboard (kubernetes/apps/flux-system/flux-instance/app/dashboard.yaml, "
        "Kustomization flux-system/flux-instance)."
    ) in move.under("Deleted")


def test_the_same_secret_in_many_namespaces_is_one_line(move: Move) -> None:
    said = line_about("cluster-secrets", move.under("Deleted"))
    assert said.startswith("Secret cluster-secrets in dbms, flux-system, kube-system, media (")


def test_an_annotated_object_is_not_deleted_but_left(move: Move) -> None:
    assert not any("Namespace dbms" in line for line in move.under("Deleted"))
    assert "flux-system/cluster-apps: Namespace" in move.under("Left, and applied by nobody")


def test_a_namespace_without_the_annotation_takes_everything_in_it(move: Move) -> None:
    move.edit(move.old, "kubernetes/components/common/namespace.yaml", "prune: disabled", "prune: enabled")
    deleted = move.under("Deleted")
    said = line_about("Namespace dbms", deleted)
    assert said.endswith(", with everything in it: Cluster, 2 Secrets.")
    assert not any("dbms" in line for line in deleted if line != said)
    assert not any("dbms" in line for line in move.under("Left, and applied by nobody"))
    assert line_about("postgres", move.under("Moved to another namespace")).endswith("the old one is deleted.")


def kept(move: Move, prune_now: str) -> None:
    """Write a Kustomization with prune: false, in both repositories or only the old one, which has the ConfigMap."""
    old = ks("flux-system/extras").replace("prune: true", "prune: false")
    new = ks("flux-system/extras", "", IN_FLUX_SYSTEM).replace("prune: true", prune_now)
    folder = f"{APPS}/flux-system/extras"
    write(move.old, {f"{folder}/ks.yaml": old, f"{folder}/app/map.yaml": DASHBOARD.format(name="extra")})
    write(move.new, {f"{folder}/ks.yaml": new, f"{folder}/app/map.yaml": DASHBOARD.format(name="other")})
    for root in (move.old, move.new):
        move.list_in(root, f"{APPS}/flux-system/kustomization.yaml", "./extras/ks.yaml")


def test_what_a_kustomization_with_prune_false_no_longer_has_is_left(move: Move) -> None:
    kept(move, "prune: false")
    assert not any("extra" in line for line in move.under("Deleted"))
    assert "flux-system/extras: ConfigMap" in move.under("Left, and applied by nobody")


def test_prune_false_helps_no_more_where_the_new_one_prunes(move: Move) -> None:
    kept(move, "prune: true")
    assert line_about("flux-system/extra ", move.under("Deleted")).startswith("ConfigMap flux-system/extra (")


def test_what_lies_beside_the_roots_is_applied_too(move: Move) -> None:
    write(move.old, {"kubernetes/flux/cluster/settings.yaml": DASHBOARD.format(name="mine\n  namespace: flux-system")})
    assert (
        "ConfigMap flux-system/mine (kubernetes/flux/cluster/settings.yaml, Kustomization flux-system/flux-system)."
    ) in move.under("Deleted")


def test_data_that_another_kustomization_applies_now_may_be_deleted_on_the_way(move: Move) -> None:
    folder = f"{APPS}/flux-system/flux-instance/app"
    write(move.old, {f"{folder}/pvc.yaml": CLAIM.format(name="logs")})
    write(move.new, {f"{APPS}/flux-system/flux-operator/app/pvc.yaml": CLAIM.format(name="logs")})
    move.list_in(move.new, f"{APPS}/flux-system/flux-operator/app/kustomization.yaml", "./pvc.yaml")
    assert move.under("May be deleted on the way") == [
        "PersistentVolumeClaim flux-system/logs: Kustomization flux-system/flux-instance stays and no longer has it, "
        "flux-system/flux-operator has it now. It is deleted, and made anew, unless the second is quicker."
    ]


# --- Roots ---


def second_root(move: Move, policy: str) -> None:
    root = KS.format(name="cluster-extra", meta=IN_FLUX_SYSTEM, path="kubernetes/extra") + policy
    write(
        move.old,
        {
            ROOTS: OLD[ROOTS] + root,
            "kubernetes/extra/claim.yaml": CLAIM.format(name="photos\n  namespace: media"),
            "kubernetes/extra/ks.yaml": KS.format(name="games", meta="  namespace: media\n", path="kubernetes/games"),
        },
    )


@pytest.mark.witness
@pytest.mark.slow
def test_a_root_that_is_gone_takes_what_it_applied(move: Move) -> None:
    second_root(move, "  deletionPolicy: WaitForTermination\n")
    assert move.under("Roots that are gone") == [
        "Kustomization flux-system/cluster-extra (kubernetes/flux/cluster/ks.yaml) says "
        "deletionPolicy: WaitForTermination: when it goes, Flux deletes PersistentVolumeClaim, "
        "Kustomization media/games. Bring its file along, or give it deletionPolicy: Orphan in the old repository "
        "and push that first."
    ]
    assert "1 root is gone" in move.says()
    assert not any("cluster-extra" in line for line in move.under("Left, and applied by nobody"))


def test_what_the_new_repository_has_of_a_root_that_is_gone_is_made_anew(move: Move) -> None:
    second_root(move, "")
    write(move.new, {f"{APPS}/media/jellyfin/app/photos.yaml": CLAIM.format(name="photos")})
    said = line_about("cluster-extra", move.under("Roots that are gone"))
    assert "says prune: true, no deletionPolicy: when it goes, Flux deletes" in said
    assert "1 object is in this repository too, and made anew, empty." in said


def test_a_root_that_orphans_leaves_what_it_applied(move: Move) -> None:
    second_root(move, "  deletionPolicy: Orphan\n")
    said = line_about("cluster-extra", move.under("Roots that are gone"))
    assert said.endswith("when it goes, what it applied stays: PersistentVolumeClaim, Kustomization media/games.")
    assert "flux-system/cluster-extra: PersistentVolumeClaim" in move.under("Left, and applied by nobody")


def test_a_kustomization_that_nobody_removes_goes_on(move: Move) -> None:
    second_root(move, "  deletionPolicy: Orphan\n")
    game = KS.format(name="chess", meta=IN_FLUX_SYSTEM, path="kubernetes/games")
    write(move.old, {f"{APPS}/media/paperless/app/chess.yaml": game})
    assert move.under("Left, and applied by nobody")[:2] == [
        "Kustomization media/chess itself: it goes on, with the folder kubernetes/games, until you delete it",
        "Kustomization media/games itself: it goes on, with the folder kubernetes/games, until you delete it",
    ]
    assert move.under("To do in the old repository first") == []


def test_a_root_whose_files_are_elsewhere_is_said_to_be_unknown(move: Move) -> None:
    second_root(move, "  deletionPolicy: Delete\n")
    extra = (move.old / ROOTS).read_text().rpartition("---")
    private = extra[2].replace("name: flux-system\n    namespace", "name: private\n    namespace")
    # No folder here: of a source that is in no file, one that is here is taken for this repository's.
    private = private.replace("kubernetes/extra", "elsewhere")
    write(move.old, {ROOTS: f"{extra[0]}---{private}"})
    said = line_about("cluster-extra", move.under("Roots that are gone"))
    assert "Flux deletes all that it applied from GitRepository private, which these files do not tell." in said
    assert move.under("Not compared") == [
        "Kustomization flux-system/cluster-extra of the old repository applies files of GitRepository private."
    ]


def test_kustomizations_that_go_without_orphan_are_named_before_all_else(move: Move) -> None:
    move.edit(move.old, ROOTS, ORPHANS, "")
    assert move.says().startswith("To do in the old repository first:\n  4 Kustomizations go and do not say")
    [said] = move.under("To do in the old repository first")
    assert "dbms/postgres, kube-system/cilium, media/jellyfin, media/paperless" in said
    assert "flux-instance" not in said


# --- Moved, left, charts ---


def test_a_database_in_another_namespace_begins_anew_beside_the_old_one(move: Move) -> None:
    assert move.under("Moved to another namespace") == [
        "Cluster postgres: dbms before, databases now. It begins anew and empty; the old one stays beside it."
    ]


def test_a_workload_in_another_namespace_runs_twice(move: Move) -> None:
    driver = "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: gpu\n"
    write(move.old, {f"{APPS}/kube-system/cilium/app/gpu.yaml": driver})
    write(move.new, {f"{APPS}/media/jellyfin/app/gpu.yaml": driver})
    assert "DaemonSet gpu: kube-system before, media now. Both run." in move.under("Moved to another namespace")


def test_an_app_that_is_not_moved_is_one_line_with_its_kinds(move: Move) -> None:
    left = move.under("Left, and applied by nobody")
    assert "media/paperless: HelmRelease, 2 PersistentVolumeClaims, Secret" in left
    # Its folder is in both, and begins anew in another namespace.
    assert "dbms/postgres: Cluster (suspend it before you push: its folder is here without them)" in left


def test_an_app_that_is_moved_is_in_no_line_of_loss(move: Move) -> None:
    assert "media/jellyfin:" not in move.says()
    assert "PersistentVolumeClaim media/jellyfin" not in move.says()


def test_a_cluster_wide_object_is_the_same_in_whatever_namespace_its_file_ends_up(move: Move) -> None:
    issuer = "---\napiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata:\n  name: internal\n"
    write(move.old, {f"{APPS}/databases/postgres/app/issuer.yaml": issuer})
    write(move.new, {f"{APPS}/media/jellyfin/app/issuer.yaml": issuer})
    assert "dbms/postgres: Cluster (" in "".join(move.under("Left, and applied by nobody"))


def test_cilium_that_leaves_out_a_minor_version_is_said(move: Move) -> None:
    [said] = move.under("Charts")
    assert re.fullmatch(
        r"kube-system/cilium: cilium 1\.17\.9 to 1\.\d+\.\d+, which leaves out a minor version: go there one by one\.",
        said,
    )


def test_a_chart_that_would_go_back_is_said(move: Move) -> None:
    path = f"{APPS}/media/jellyfin/app/helmrelease.yaml"
    move.edit(move.old, path, "4.2.0", "6.0.0")
    assert "media/jellyfin: app-template 6.0.0 to 5.1.0, which is older." in move.under("Charts")


def test_a_release_of_another_chart_is_said(move: Move) -> None:
    path = f"{APPS}/media/jellyfin/app/helmrelease.yaml"
    move.edit(move.old, path, "chart: app-template", "chart: jellyfin")
    said = line_about("media/jellyfin", move.under("Charts"))
    assert said == (
        "media/jellyfin: jellyfin 4.2.0 to app-template 5.1.0, which is another chart, so it can't be an upgrade."
    )


def test_a_version_that_the_files_do_not_tell_is_left_out(move: Move) -> None:
    path = f"{APPS}/kube-system/cilium/app/helmrelease.yaml"
    move.edit(move.old, path, "version: 1.17.9", 'version: "1.x"')
    assert move.under("Charts") == []


# --- Refusals ---


def test_it_says_in_one_sentence_why_it_compares_nothing(move: Move) -> None:
    (move.old.parent / "empty").mkdir()
    assert move.refuses("") == "error: FROM is missing: FROM=../old says where the other repository is."
    assert move.refuses("../gone") == "error: ../gone is no folder: FROM is a checkout of the other repository."
    assert move.refuses("../home") == "error: ../home is this repository itself: FROM is a checkout of the other one."
    assert move.refuses("../empty") == (
        "error: ../empty has nothing that Flux applies: no Kustomization that can be read applies others."
    )


def test_a_file_of_this_repository_that_cannot_be_read_stops_it(move: Move) -> None:
    write(move.new, {f"{APPS}/media/jellyfin/app/helmrelease.yaml": "a: [\n"})
    said = move.refuses("../old")
    assert said.startswith("error: this repository can't be read as a whole: kubernetes/apps/media/jellyfin/app/")


def test_a_file_of_the_old_repository_that_cannot_be_read_is_said(move: Move) -> None:
    write(move.old, {f"{APPS}/media/paperless/app/secret.sops.yaml": "a: [\n"})
    assert line_about("secret.sops.yaml, line", move.under("Not compared"))


def test_the_page_about_moving_names_headings_that_there_are() -> None:
    page = (PROJECT / "docs/how-to/let-flux-take-over.md").read_text()
    table = page.partition("| `task adopt:check` names |")[2].partition("\n\n")[0]
    named = [line.split("|")[1].strip() for line in table.splitlines()[2:]]
    source = (PROJECT / "src/talos_flux/apps/takeover/sentences.py").read_text()
    assert len(named) > 4 and [heading for heading in named if f'("{heading}", ' not in source] == []
