"""task adopt:app: an app of another repository is here what it was there."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.repository import yaml_edits
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home
from tests.support.others import listing, write
from tests.test_moving import CLAIM, ENCRYPTED, RELEASE, ROOT, ROOTS, SOURCE, SUBSTITUTE_FROM, ks

pytestmark = pytest.mark.full

APP = "kubernetes/apps/media/films"
PLAIN = ks("films", "media").replace(SUBSTITUTE_FROM, "")
CHART = RELEASE.format(name="films", gateway="internal", secrets="[]").partition("    route:")[0]


@pytest.fixture
def home(home_with: Callable[..., Home]) -> Home:
    """Provide a cluster with the namespace media and nothing in it."""
    home = home_with(secrets_backend="sops", storage="none", components=[])
    home.add("namespace", "kubernetes/apps/media")
    home.commit()
    return home


def old(home: Home, files: dict[str, str] | None = None, *, namespace: str = "", lists: str = "films/ks.yaml") -> Path:
    """Another repository, with the app films; `files` are others, by their path."""
    root = home.root.parent / "old"
    usual = {
        ROOT: ROOTS,
        "kubernetes/apps/media/kustomization.yaml": listing(lists, namespace=namespace),
        f"{APP}/ks.yaml": PLAIN,
        f"{APP}/app/pvc.yaml": CLAIM.format(name="films"),
    }
    write(root, usual | (files or {}))
    return root


def adopt(home: Home, app: str = "media/films", folder: str = "../old") -> str:
    """Return what the script says; raise subprocess.CalledProcessError when it refuses."""
    command = [*TALOS_FLUX, "app", "adopt", "--app", app, "--from", folder]
    done = subprocess.run(command, cwd=home.root, capture_output=True, text=True, check=True)
    return " ".join((done.stdout + done.stderr).split())


def refusal(home: Home, app: str = "media/films", folder: str = "../old") -> str:
    """Why it refuses, and leaves everything as it was."""
    with home.untouched(), pytest.raises(subprocess.CalledProcessError) as refused:
        adopt(home, app, folder)
    return " ".join(str(refused.value.stderr).split())


def applied(root: Path) -> set[tuple[str, str, str]]:
    """Kind, namespace and name of what the app's Kustomizations apply."""
    return {
        (item.kind, item.namespace, item.name)
        for one in Cluster(root).kustomizations
        if one.item.file.path.startswith(APP)
        for item in one.objects
    }


def spec(home: Home) -> dict[str, object]:
    """Return the `spec` of the app's ks.yaml."""
    found: dict[str, object] = yaml.safe_load(home.text(f"{APP}/ks.yaml"))["spec"]
    return found


# --- Where it is ---


def test_an_app_whose_folder_is_called_unlike_its_namespace_stays_where_it_is(home: Home) -> None:
    text = PLAIN.replace("targetNamespace: media", "targetNamespace: video")
    before = applied(old(home, {f"{APP}/ks.yaml": text}))
    adopt(home)
    assert applied(home.root) == before == {("PersistentVolumeClaim", "video", "films")}


@pytest.mark.witness
@pytest.mark.slow
def test_objects_that_say_their_namespaces_keep_them(home: Home) -> None:
    text = PLAIN.replace("  targetNamespace: media\n", "")
    before = applied(
        old(home, {f"{APP}/ks.yaml": text, f"{APP}/app/pvc.yaml": CLAIM.format(name="films\n  namespace: video")})
    )
    adopt(home)
    assert "targetNamespace" not in spec(home)
    assert applied(home.root) == before


def test_another_layout_of_folders_becomes_the_one_here(home: Home) -> None:
    root = old(home)
    (root / "kubernetes").rename(root / "cluster")
    for path in root.rglob("*.yaml"):
        path.write_text(path.read_text().replace("./kubernetes/", "./cluster/"))
    adopt(home)
    assert spec(home)["path"] == "./kubernetes/apps/media/films/app"


def test_an_object_that_the_list_applies_beside_the_kustomization_keeps_its_namespace(home: Home) -> None:
    git = (
        "---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata:\n  name: films\nspec:\n  url: a\n"
    )
    mine = PLAIN.replace("    name: flux-system\n    namespace: flux-system\n", "    name: films\n")
    others = {f"kubernetes/apps/media/{name}/ks.yaml": ks(name, "media") for name in ("a", "b")}
    listed = listing("films/ks.yaml", "a/ks.yaml", "b/ks.yaml", namespace="media")
    old(home, others | {f"{APP}/ks.yaml": git + mine, "kubernetes/apps/media/kustomization.yaml": listed})
    assert "source-unknown" not in adopt(home)
    source, one = yaml.safe_load_all(home.text(f"{APP}/ks.yaml"))
    assert source["metadata"] == {"namespace": "media", "name": "films"}
    assert one["spec"]["sourceRef"] == {"namespace": "media", "kind": "GitRepository", "name": "films"}


def test_a_folder_outside_of_the_app_stays_the_one_that_is_applied(home: Home) -> None:
    root = old(home, {f"{APP}/ks.yaml": PLAIN.replace("apps/media/films/app", "base/films")})
    (root / "kubernetes").rename(root / "cluster")
    for path in root.rglob("*.yaml"):
        path.write_text(path.read_text().replace("./kubernetes/", "./cluster/"))
    adopt(home)
    assert spec(home)["path"] == "./cluster/base/films"


# --- What it says ---


@pytest.mark.witness
@pytest.mark.slow
def test_comments_anchors_and_everything_else_stay(home: Home) -> None:
    text = PLAIN.replace("  name: films\n", "  name: &app films # the name\n  namespace: &ns media\n")
    text = text.replace("targetNamespace: media", "targetNamespace: *ns")
    text = text.replace(
        "  prune: true\n", "  prune: false # it is mine\n  commonMetadata: {labels: {a: *app, b: *ns}}\n"
    )
    old(home, {f"{APP}/ks.yaml": text})
    adopt(home)
    expected = text.replace("namespace: &ns media", "namespace: flux-system").replace("*ns", "media")
    assert home.text(f"{APP}/ks.yaml") == expected


@pytest.mark.parametrize(
    ("waits", "left"),
    [
        ("  dependsOn:\n    - name: a\n      namespace: x # why\n", "  dependsOn:\n    - name: a\n"),
        ("  dependsOn:\n    - namespace: x\n      name: a\n", "  dependsOn:\n    - name: a\n"),
        ("  dependsOn: [{name: a, namespace: x}, {namespace: y, name: b}]\n", "  dependsOn: [{name: a}, {name: b}]\n"),
        ("  dependsOn:\n    - name: a\n      namespace: x\n      readyExpr: 'true'\n",
         "  dependsOn:\n    - name: a\n      readyExpr: 'true'\n"),
        ("  deletionPolicy: WaitForTermination\n  # a\n  dependsOn:\n    - namespace: x\n      # why\n      name: a\n",
         "  # a\n  dependsOn:\n    - # why\n      name: a\n"),
        ("  deletionPolicy: WaitForTermination\n  dependsOn:\n    - name: a\n", "  dependsOn:\n    - name: a\n"),
    ],
    ids=["last", "first", "in braces", "in the middle", "above a comment", "with a policy"],
)  # fmt: skip
def test_what_it_waits_for_has_no_namespace_any_more(waits: str, left: str, home: Home) -> None:
    old(home, {f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{waits}")})
    adopt(home)
    expected = PLAIN.replace("  name: films\n", "  namespace: flux-system\n  name: films\n", 1)
    assert home.text(f"{APP}/ks.yaml") == expected.replace("  interval: 1h\n", f"  interval: 1h\n{left}")


def test_an_alias_of_what_is_left_out_is_the_value(home: Home) -> None:
    waits = "  dependsOn:\n    - name: a\n      namespace: &other x\n  commonMetadata: {labels: {from: *other}}\n"
    old(home, {f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{waits}")})
    adopt(home)
    assert spec(home)["dependsOn"] == [{"name": "a"}]
    assert spec(home)["commonMetadata"] == {"labels": {"from": "x"}}


def test_an_anchor_that_is_given_twice_is_the_one_before_each_alias(home: Home) -> None:
    text = PLAIN.replace("  name: films\n", "  name: films\n  namespace: &ns media\n", 1)
    labels = "  commonMetadata: {labels: {a: *ns, b: &ns video, c: *ns}}\n"
    old(home, {f"{APP}/ks.yaml": text.replace("  interval: 1h\n", f"{labels}  interval: 1h\n")})
    adopt(home)
    assert "namespace: flux-system\nspec:" in home.text(f"{APP}/ks.yaml")
    assert spec(home)["commonMetadata"] == {"labels": {"a": "media", "b": "video", "c": "video"}}


def test_two_kustomizations_in_one_file_are_both_adopted(home: Home) -> None:
    second = PLAIN.replace("films", "films-db").replace("films-db/app", "films/db").replace("media\n", "video\n")
    before = applied(old(home, {f"{APP}/ks.yaml": PLAIN + second, f"{APP}/db/pvc.yaml": CLAIM.format(name="films-db")}))
    said = adopt(home)
    assert applied(home.root) == before > {("PersistentVolumeClaim", "video", "films-db")}
    assert home.text(f"{APP}/ks.yaml").count("namespace: flux-system\n  name: films") == 2
    assert "Errors to mend: 1" in said and "nobody creates the namespace video [namespace-missing]" in said


def test_what_patches_above_set_there_is_written_down(home: Home) -> None:
    patch = "      - op: add\n        path: /spec/timeout\n        value: 3m\n"
    patch += "      - op: add\n        path: /spec/wait\n        value: true\n"
    listed = f"{listing('films/ks.yaml')}patches:\n  - target:\n      kind: Kustomization\n    patch: |-\n{patch}"
    old(home, {"kubernetes/apps/media/kustomization.yaml": listed})
    adopt(home)
    assert (spec(home)["timeout"], spec(home)["wait"]) == ("3m", True)
    assert spec(home)["interval"] == "1h"


@pytest.mark.witness
@pytest.mark.slow
def test_what_is_encrypted_is_decrypted_and_not_touched(home: Home) -> None:
    secret = ENCRYPTED.format(name="films", key="TOKEN")
    old(home, {f"{APP}/app/secret.sops.yaml": secret})
    adopt(home)
    assert spec(home)["decryption"] == {"provider": "sops"}
    assert home.text(f"{APP}/app/secret.sops.yaml") == secret


def test_variables_that_the_root_gives_are_left_to_it_and_others_are_not(home: Home) -> None:
    own = SUBSTITUTE_FROM + "    substitute:\n      SIZE: 5Gi\n"
    old(home, {f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{own}")})
    adopt(home)
    assert spec(home)["postBuild"] == {"substitute": {"SIZE": "5Gi"}}


@pytest.mark.parametrize(
    ("build", "annotation", "is_named"),
    [
        ("", "", True),
        ("  postBuild: {substitute: {A: b}}\n", "", False),
        ("", "\n  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}", False),
    ],
)
def test_what_flux_did_not_fill_in_before_is_named(build: str, annotation: str, is_named: bool, home: Home) -> None:
    script = (
        f"---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: run{annotation}\ndata: {{run: 'a ${{PORT:-1}}'}}\n"
    )
    text = PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{build}")
    old(home, {f"{APP}/ks.yaml": text, f"{APP}/app/script.yaml": script})
    assert (f"{APP}/app/script.yaml: Flux filled in no variable there, and does here." in adopt(home)) == is_named


def test_what_the_old_root_filled_in_is_written_down_and_named(home: Home) -> None:
    root = ROOTS.replace(
        "  interval: 1h\n", '  interval: 1h\n  postBuild: {substitute: {PRIVATE_DOMAIN: "example.net"}}\n'
    )
    own = '  postBuild: {substitute: {HOSTNAME: "films.${PRIVATE_DOMAIN}", APP: &app films}} # mine\n'
    old(home, {ROOT: root, f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{own}")})
    said = adopt(home)
    assert (
        f"{APP}/ks.yaml: cluster-apps filled in ${{PRIVATE_DOMAIN}} there; its value example.net is written down. "
        "Here DOMAIN is example.com."
    ) in said
    assert 'substitute: {HOSTNAME: "films.example.net", APP: &app films}} # mine\n' in home.text(f"{APP}/ks.yaml")
    assert "Errors to mend: 0" in said


def test_a_value_that_a_secret_filled_in_is_named_with_the_setting_that_means_the_same(home: Home) -> None:
    root = ROOTS.replace("  interval: 1h\n", f"  interval: 1h\n{SUBSTITUTE_FROM}", 1)
    secret = ENCRYPTED.format(name="cluster-secrets\n  namespace: flux-system", key="SECRET_DOMAIN")
    own = '  postBuild: {substitute: {HOSTNAME: "films.${SECRET_DOMAIN}"}}\n'
    files = {
        ROOT: root + "---\n" + secret,
        f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{own}"),
    }
    old(home, files)
    said = adopt(home)
    assert "filled in ${SECRET_DOMAIN} there from a Secret, and nothing does here: write its value." in said
    assert "Here DOMAIN is example.com." in said
    assert "films.${SECRET_DOMAIN}" in home.text(f"{APP}/ks.yaml")


def test_variables_that_a_patch_of_the_old_root_gave_it_come_along_where_it_uses_them(home: Home) -> None:
    values = 'ZONE: "Europe/Rome", SIZE: "small one", OTHER: b'
    patch = f"      - {{op: add, path: /spec/postBuild, value: {{substitute: {{{values}}}}}}}\n"
    listed = f"{listing('films/ks.yaml')}patches:\n  - target:\n      kind: Kustomization\n    patch: |-\n{patch}"
    claim = CLAIM.format(name="films").replace(
        "name: films", "name: films\n  labels: {zone: '${ZONE}', size: '${SIZE}'}"
    )
    old(home, {"kubernetes/apps/media/kustomization.yaml": listed, f"{APP}/app/pvc.yaml": claim})
    said = adopt(home)
    assert spec(home)["postBuild"] == {"substitute": {"ZONE": "Europe/Rome", "SIZE": "small one"}}
    assert "its value Europe/Rome is written down" in said
    assert "Errors to mend: 0" in said


def test_variables_of_its_own_stay_and_are_named(home: Home) -> None:
    own = SUBSTITUTE_FROM.replace("cluster-secrets", "films-settings")
    old(home, {f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{own}")})
    assert "[root-patch-replaces]" in adopt(home)
    assert "films-settings" in home.text(f"{APP}/ks.yaml")


def test_files_that_are_no_text_come_along_as_they_are(home: Home) -> None:
    root = old(home)
    (root / APP / "app/icon.png").write_bytes(b"\x89PNG\x00")
    (root / APP / "app/run.sh").write_text("#!/bin/sh\n")
    (root / APP / "app/run.sh").chmod(0o755)
    adopt(home)
    assert (home.root / APP / "app/icon.png").read_bytes() == b"\x89PNG\x00"
    assert (home.root / APP / "app/run.sh").stat().st_mode & 0o111


# --- Its charts and components ---


def test_a_chart_source_that_stood_elsewhere_comes_along_once(home: Home) -> None:
    both = SOURCE.format(name="other\n  namespace: media") + SOURCE.format(name="films\n  namespace: media")
    files = {
        f"{APP}/app/helmrelease.yaml": CHART,
        "kubernetes/apps/media/kustomization.yaml": listing("sources.yaml", "films/ks.yaml"),
        "kubernetes/apps/media/sources.yaml": both,
    }
    old(home, files)
    assert "its chart's source films is new in kubernetes/flux/meta/repos" in adopt(home)
    assert home.text("kubernetes/flux/meta/repos/films.yaml") == SOURCE.format(name="films\n  namespace: flux-system")
    assert yaml.safe_load(home.text(f"{APP}/app/helmrelease.yaml"))["spec"]["chartRef"]["namespace"] == "flux-system"


def test_a_secret_that_must_be_in_flux_system_is_named(home: Home) -> None:
    source = SOURCE.format(name="films\n  namespace: media") + "  secretRef:\n    name: registry\n"
    key = "  decryption:\n    provider: sops\n    secretRef:\n      name: my-key\n"
    files = {
        f"{APP}/ks.yaml": PLAIN.replace("  interval: 1h\n", f"  interval: 1h\n{key}"),
        f"{APP}/app/helmrelease.yaml": CHART,
        "kubernetes/apps/media/kustomization.yaml": listing("source.yaml", "films/ks.yaml"),
        "kubernetes/apps/media/source.yaml": source,
    }
    old(home, files)
    said = adopt(home)
    for name in ("my-key", "registry"):
        assert f"Flux reads its Secret {name} in flux-system from now on: it must be there." in said


def test_a_source_beside_the_app_stays_there(home: Home) -> None:
    old(home, {f"{APP}/app/helmrelease.yaml": CHART, f"{APP}/app/source.yaml": SOURCE.format(name="films")})
    adopt(home)
    assert home.text(f"{APP}/app/helmrelease.yaml") == CHART


@pytest.mark.parametrize(("ours", "theirs"), [("bjw-s-labs", "somebody"), ("5.1.0", "4.6.2")])
def test_a_chart_that_is_another_one_here_is_named(ours: str, theirs: str, home: Home) -> None:
    source = SOURCE.format(name="app-template\n  namespace: flux-system").replace(ours, theirs)
    files = {
        f"{APP}/app/helmrelease.yaml": CHART.replace("    name: films\n", "    name: app-template\n", 1).replace(
            "  values", "    namespace: flux-system\n  values", 1
        ),
        "kubernetes/apps/media/kustomization.yaml": listing("source.yaml", "films/ks.yaml"),
        "kubernetes/apps/media/source.yaml": source,
    }
    old(home, files)
    said = adopt(home)
    assert "its chart was oci://ghcr.io/" in said and theirs in said
    assert "now: kubernetes/flux/meta/repos/app-template.yaml." in said


def test_a_component_comes_along_with_those_that_it_takes_itself(home: Home) -> None:
    files = {
        f"{APP}/app/kustomization.yaml": listing("pvc.yaml", components="../../../../components/volume"),
        "kubernetes/components/volume/kustomization.yaml": listing(
            "claim.yaml", kind="Component", components="../base"
        ),
        "kubernetes/components/volume/claim.yaml": CLAIM.format(name="films-cache"),
        "kubernetes/components/base/kustomization.yaml": listing("../shared.yaml", kind="Component"),
        "kubernetes/components/shared.yaml": CLAIM.format(name="films-shared"),
        "kubernetes/components/other/kustomization.yaml": listing(kind="Component"),
    }
    root = old(home, files)
    said = adopt(home)
    for path in ("kubernetes/components/volume", "kubernetes/components/base", "kubernetes/components/shared.yaml"):
        assert f"{path} came along: the app builds on it." in said
    assert not (home.root / "kubernetes/components/other").exists()
    assert applied(home.root) == applied(root)


def test_a_component_comes_to_where_the_app_looks_for_it_in_this_layout(home: Home) -> None:
    component = {"kubernetes/components/volume/kustomization.yaml": listing(kind="Component")}
    text = PLAIN.replace("  interval: 1h\n", "  components: [../../../../components/volume]\n  interval: 1h\n")
    root = old(home, component | {f"{APP}/ks.yaml": text})
    (root / "cluster").mkdir()
    (root / "kubernetes").rename(root / "cluster/main")
    for path in root.rglob("*.yaml"):
        path.write_text(path.read_text().replace("./kubernetes/", "./cluster/main/"))
    assert "kubernetes/components/volume came along" in adopt(home)
    assert (home.root / "kubernetes/components/volume/kustomization.yaml").exists()


def test_a_component_that_is_here_already_stays_and_is_named_where_it_is_another_one(home: Home) -> None:
    component = "kubernetes/components/volume/kustomization.yaml"
    text = PLAIN.replace("  interval: 1h\n", "  components: [../../../../components/volume]\n  interval: 1h\n")
    old(home, {component: listing(kind="Component"), f"{APP}/ks.yaml": text})
    home.write(component, f"{listing(kind='Component')}# mine\n")
    assert "kubernetes/components/volume is another one there: this repository's stays." in adopt(home)
    assert home.text(component).endswith("# mine\n")


def test_a_component_that_makes_what_is_here_without_it_stays_behind(home: Home) -> None:
    component = "kubernetes/components/sops"
    files = {
        f"{APP}/app/kustomization.yaml": listing("pvc.yaml", components="../../../../components/sops"),
        f"{component}/kustomization.yaml": listing("key.sops.yaml", kind="Component"),
        f"{component}/key.sops.yaml": ENCRYPTED.format(name="sops-age", key="age.agekey"),
    }
    old(home, files)
    assert f"{component} stays behind: it makes Namespaces, settings or keys" in adopt(home)
    assert not (home.root / component).exists()


def test_manifests_get_the_style_of_here_and_what_programs_read_is_named(home: Home) -> None:
    claim = CLAIM.format(name="films").removeprefix("---\n").replace("spec:", "  annotations:\nspec:")
    files = {
        f"{APP}/app/kustomization.yaml": "configMapGenerator:\n  - {name: films, files: [films.yaml]}\n"
        + listing("pvc.yaml").removeprefix("---\n"),
        f"{APP}/app/pvc.yaml": claim,
        f"{APP}/app/films.yaml": "mode: 0775\n",
    }
    old(home, files)
    said = adopt(home)
    assert "In the style of this repository, with the same meaning: app/kustomization.yaml, app/pvc.yaml." in said
    assert home.text(f"{APP}/app/pvc.yaml") == f"---\n{claim.replace('annotations:', 'annotations: null')}"
    assert home.text(f"{APP}/app/films.yaml") == "mode: 0775\n"
    assert f"{APP}/app/films.yaml:1:" in said
    assert f"add below `ignore:` in .yamllint: - {APP}/app/films.yaml" in said


# --- Refusals ---


@pytest.mark.parametrize(
    ("app", "folder", "words"),
    [
        ("", "../old", "APP is missing: APP=<namespace>/<app>."),
        ("films", "../old", "APP is <namespace>/<app>, not films."),
        ("media/films", "", "FROM is missing: FROM=../old says where the other repository is."),
        ("media/films", "../nowhere", "../nowhere is no folder: FROM is a checkout of the other repository."),
        ("media/films", ".", ". is this repository itself: FROM is a checkout of the other one."),
        ("media/series", "../old", "media/series is not in "),
        ("video/films", "../old", "video/films is not in "),
        ("media/lost", "../old", "Flux applies no Kustomization of kubernetes/apps/media/lost there"),
        ("default/echo", "../old", "kubernetes/apps/default/echo exists already."),
        ("home/cilium", "../old", "there is no namespace home: `task new:namespace NAME=home` makes it."),
        ("media/cilium", "../old", "cilium is the name of the Kustomization in kubernetes/apps/kube-system/cilium"),
    ],
)
def test_what_can_not_be_adopted_is_refused(app: str, folder: str, words: str, home: Home) -> None:
    others = {
        "kubernetes/apps/media/lost/ks.yaml": PLAIN.replace("films", "lost"),
        "kubernetes/apps/default/echo/ks.yaml": ks("echo", "default"),
        "kubernetes/apps/home/cilium/ks.yaml": ks("cilium", "home"),
        "kubernetes/apps/media/cilium/ks.yaml": ks("cilium", "media"),
        "kubernetes/apps/home/kustomization.yaml": listing("cilium/ks.yaml"),
        "kubernetes/apps/media/kustomization.yaml": listing("films/ks.yaml", "cilium/ks.yaml"),
    }
    old(home, others)
    assert words in refusal(home, app, folder)


def test_a_list_that_can_not_be_read_leaves_nothing_half_written(home: Home) -> None:
    old(home)
    home.write("kubernetes/apps/media/kustomization.yaml", "resources: [\n")
    assert "is not YAML" in refusal(home)


# --- Edits of a text ---


@pytest.mark.parametrize(
    ("text", "key", "value", "expected"),
    [
        ("a: 1\nb: 2\n", "b", "3", "a: 1\nb: 3\n"),
        ("a: 1 # one\n", "b", "3", "b: 3\na: 1 # one\n"),
        ("{a: 1}\n", "b", "3", "{b: 3, a: 1}\n"),
        ("a: &x 1\nb: *x\n", "b", "3", "a: &x 1\nb: 3\n"),
        ('a: "1"\n', "a", "2", "a: 2\n"),
    ],
)
@pytest.mark.witness
@pytest.mark.slow
def test_a_value_is_set_and_nothing_else(text: str, key: str, value: str, expected: str) -> None:
    assert (
        yaml_edits.edited(text, [*yaml_edits.with_value(text, yaml_edits.documents(text)[0], key, value)]) == expected
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb:\n  - c\n  - d: e\nf: 1\n", "a: 1\nf: 1\n"),
        ("a: 1\nb:\n  - c\n  - d: e # last\n# f\n", "a: 1\n# f\n"),
        ("a: 1\nb: 2 # two\n# f\nf: 1\n", "a: 1\n# f\nf: 1\n"),
        ("a: 1\nb: |\n  c\n\n  # f\nf: 1\n", "a: 1\nf: 1\n"),
        ("b: 1\n", "{}\n"),
        ("{a: 1, b: [2, 3]}\n", "{a: 1}\n"),
        ("{b: 2, a: 1}\n", "{a: 1}\n"),
        ("a: 1\n", "a: 1\n"),
    ],
)
@pytest.mark.witness
@pytest.mark.slow
def test_a_key_is_taken_out_and_nothing_else(text: str, expected: str) -> None:
    assert yaml_edits.edited(text, [*yaml_edits.without_key(text, yaml_edits.documents(text)[0], "b")]) == expected
