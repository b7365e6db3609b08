"""task new:namespace, new:app, move:app and remove:app in a generated cluster."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pexpect
import pytest
import yaml

import talos_flux.repository.transaction
from talos_flux.apps.claims import claims_in
from talos_flux.apps.move import Move
from talos_flux.errors import UserError
from talos_flux.repository.apps import Repository
from talos_flux.repository.transaction import FileTransaction
from talos_flux.template import fetch
from tests.doubles.workplace import ANSWERS, IDENTITY, SOPS, Workplace, environment, set_up
from tests.support.needs import needs
from tests.support.others import listing
from tests.support.render import PROJECT, VERSION, Renderer, files_in, git

pytestmark = [needs("task", "kustomize", "flux", "gitleaks", "age-keygen", "sops"), pytest.mark.full]

Files = dict[str, bytes]

RELEASE = """\
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: {name}
spec:
  interval: 1h
  chartRef:
    kind: OCIRepository
    name: {chart}
    namespace: flux-system
  values:
    persistence: {{}}
    resources:
      requests:
        memory: 64Mi
      limits:
        memory: 64Mi
"""
SOURCE = """\
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: {chart}
  namespace: flux-system
spec:
  interval: 15m
  ref:
    tag: 1.2.3
  url: oci://charts.example.net/{chart}
"""
NAMESPACE = """\
---
apiVersion: v1
kind: Namespace
metadata:
  name: {name}
  labels:
    pod-security.kubernetes.io/enforce: {level}
"""
CLAIM = "---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata:\n  name: {name}\n"


def ks(place: str, *depends_on: str) -> str:
    """Return an app's ks.yaml, as the docs show it."""
    namespace, name = place.split("/")
    waits = "".join(f"    - name: {other}\n" for other in depends_on)
    return dedent(f"""\
        ---
        apiVersion: kustomize.toolkit.fluxcd.io/v1
        kind: Kustomization
        metadata:
          name: &app {name}
          namespace: flux-system
        spec:
          targetNamespace: {namespace}
          commonMetadata:
            labels:
              app.kubernetes.io/name: *app
        {"  dependsOn:" if waits else "  # It needs nothing."}
        @  interval: 1h
          retryInterval: 2m
          timeout: 10m
          prune: true
          wait: true
          path: ./kubernetes/apps/{namespace}/{name}/app
          sourceRef:
            kind: GitRepository
            name: flux-system
            namespace: flux-system
        """).replace("@", waits)


def add_namespace(root: Path, name: str, level: str = "baseline", *apps: str) -> None:
    """Create a namespace by hand."""
    folder = root / "kubernetes/apps" / name
    folder.mkdir(parents=True)
    (folder / "namespace.yaml").write_text(NAMESPACE.format(name=name, level=level))
    (folder / "kustomization.yaml").write_text(listing("namespace.yaml", *(f"{app}/ks.yaml" for app in apps)))


def add_app(root: Path, place: str, *depends_on: str, chart: str = "app-template", **others: str) -> Path:
    """Create an app by hand, in a namespace that lists it; others are files of app/ by name, without .yaml."""
    folder = root / "kubernetes/apps" / place
    (folder / "app").mkdir(parents=True)
    (folder / "ks.yaml").write_text(ks(place, *depends_on))
    texts = {"helmrelease": RELEASE.format(name=folder.name, chart=chart), **others}
    for name, text in texts.items():
        (folder / "app" / f"{name}.yaml").write_text(text)
    (folder / "app/kustomization.yaml").write_text(listing(*(f"{name}.yaml" for name in texts)))
    if chart != "app-template":
        source = root / f"kubernetes/flux/meta/repos/{chart}.yaml"
        source.parent.mkdir(parents=True, exist_ok=True)
        source.write_text(SOURCE.format(chart=chart))
    return folder


@pytest.fixture
def bare(render: Renderer, tmp_path: Path) -> Workplace:
    """Provide a cluster as it comes."""
    workplace = set_up(tmp_path, render(ANSWERS))
    workplace.extra["XDG_CACHE_HOME"] = str(tmp_path / "cache")
    workplace.extra["UV_CACHE_DIR"] = subprocess.check_output(["uv", "cache", "dir"], text=True).strip()
    return workplace


@pytest.fixture
def home(bare: Workplace) -> Workplace:
    """Provide a cluster with the namespaces media (films, series) and video, everything committed."""
    add_namespace(bare.root, "media", "baseline", "films", "series")
    add_namespace(bare.root, "video")
    add_app(bare.root, "media/films", "cilium", chart="vendor")
    add_app(bare.root, "media/series")
    bare.push()
    return bare


def files(workplace: Workplace) -> Files:
    """Every file of the checkout but git's own."""
    found = (path for path in files_in(workplace.root) if path.parts[0] != ".git")
    return {path.as_posix(): (workplace.root / path).read_bytes() for path in found}


def changed(workplace: Workplace) -> set[str]:
    """Return what git would commit, as letter and path."""
    workplace.git("add", "--all")
    said = workplace.git("diff", "--cached", "--name-status", "--no-renames")
    return {line.replace("\t", " ") for line in said.splitlines()}


def at_a_terminal(workplace: Workplace, *words: str) -> pexpect.spawn:
    """Start a task that somebody answers at a terminal."""
    return pexpect.spawn(
        "task", list(words), cwd=str(workplace.root), env=environment() | workplace.extra | {"TERM": "xterm"},
        encoding="utf-8", timeout=60, dimensions=(40, 400),
    )  # fmt: skip


# --- remove:app ---


def test_a_removed_app_leaves_nothing_but_the_rest(home: Workplace) -> None:
    said = home.succeeds("remove:app", "APP=media/films", "--", "--yes")
    folder = "kubernetes/apps/media/films"
    assert changed(home) == {
        f"D {folder}/ks.yaml",
        f"D {folder}/app/helmrelease.yaml",
        f"D {folder}/app/kustomization.yaml",
        "D kubernetes/flux/meta/repos/vendor.yaml",
        "M kubernetes/apps/media/kustomization.yaml",
    }
    assert not (home.root / folder).exists()
    assert home.read("kubernetes/apps/media/kustomization.yaml") == listing("namespace.yaml", "series/ks.yaml")
    assert "kubernetes/flux/meta/repos/vendor.yaml is gone: no other app uses it" in said
    assert "Next: `git add kubernetes && git commit`, then push." in said
    home.succeeds("validate")


def test_a_chart_source_that_is_shared_or_the_templates_stays(home: Workplace) -> None:
    add_app(home.root, "video/clips", chart="vendor")
    add_app(home.root, "video/board", chart="grafana")
    home.git("checkout", "kubernetes/flux/meta/repos")
    for place in ("media/films", "media/series", "video/board"):
        home.succeeds("remove:app", f"APP={place}", "--", "--yes")
    assert not [line for line in changed(home) if "meta/repos" in line]
    home.succeeds("remove:app", "APP=video/clips", "--", "--yes")
    assert "D kubernetes/flux/meta/repos/vendor.yaml" in changed(home)


def test_a_source_in_the_apps_own_folder_is_not_the_one_of_that_name(home: Workplace) -> None:
    add_app(home.root, "video/clips", chart="clips", source=SOURCE.format(chart="clips"))
    home.succeeds("remove:app", "APP=video/clips", "--", "--yes")
    assert (home.root / "kubernetes/flux/meta/repos/clips.yaml").exists()


def test_an_app_that_others_need_stays_and_they_are_named(home: Workplace) -> None:
    add_app(home.root, "video/clips", "films")
    add_app(home.root, "video/stage", "cilium", "films")
    before = files(home)
    refusal = home.refuses("remove:app", "APP=media/films", "--", "--yes")
    assert "media/films is needed by video/clips, video/stage: take it out of dependsOn there" in refusal
    assert files(home) == before


def test_files_that_others_take_from_the_app_keep_it(home: Workplace) -> None:
    before = files(home)
    shared = "kubernetes/apps/media/series/app/kustomization.yaml"
    home.write(shared, listing("helmrelease.yaml", "../../films/app"))
    assert f"{shared} takes files out of kubernetes/apps/media/films" in home.refuses("remove:app", "APP=media/films")
    home.git("checkout", shared)
    of_media = "kubernetes/apps/media/kustomization.yaml"
    home.write(of_media, home.read(of_media) + "patches:\n  - path: ./films/patch.yaml\n")
    assert f"{of_media} takes files out of" in home.refuses("remove:app", "APP=media/films")
    home.git("checkout", of_media)
    assert files(home) == before


def test_an_app_of_the_template_stays(home: Workplace) -> None:
    place = "default/echo"
    before = files(home)
    for task in (("remove:app",), ("move:app", "TO=video")):
        refusal = home.refuses(task[0], f"APP={place}", *task[1:], "--", "--yes")
        assert f"{place} is a core app" in refusal and "`task update -- --data <question>=<answer>`" in refusal
    assert files(home) == before


def test_the_list_of_the_templates_own_is_what_it_renders(render: Renderer) -> None:
    root = render(ANSWERS)
    core = yaml.safe_load((root / "scripts/managed-apps.yaml").read_text())
    apps = sorted(f"{path.parts[-3]}/{path.parts[-2]}" for path in root.glob("kubernetes/apps/*/*/ks.yaml"))
    assert core == {
        "apps": apps,
        "chartSources": sorted(path.stem for path in root.glob("kubernetes/flux/meta/repos/*.yaml")),
    }


def test_two_kustomizations_in_a_folder_go_together(home: Workplace) -> None:
    folder = home.root / "kubernetes/apps/media/films"
    with (folder / "ks.yaml").open("a") as file:
        file.write(ks("media/films-data", "films"))
    home.succeeds("remove:app", "APP=media/films", "--", "--yes")
    assert not folder.exists()


def test_removing_asks_and_names_what_is_lost(home: Workplace) -> None:
    home.write("kubernetes/apps/media/films/app/claim.yaml", CLAIM.format(name="films-config"))
    before = files(home)
    refusal = home.refuses("remove:app", "APP=media/films")
    assert "Flux deletes its claims and their data: films-config." in refusal
    assert "What the chart vendor claims by itself is not known here" in refusal
    assert "Git can't bring back: claim.yaml." in refusal
    assert refusal.endswith("Remove media/films? Nobody is at the terminal to answer: pass --yes to agree.")
    terminal = at_a_terminal(home, "remove:app", "APP=media/films")
    terminal.expect("Remove media/films")
    terminal.sendline("n")
    terminal.expect("stopped: nothing was changed")
    terminal.expect(pexpect.EOF)
    terminal = at_a_terminal(home, "remove:app", "APP=media/films")
    terminal.expect("Remove media/films")
    terminal.sendcontrol("c")
    terminal.expect(pexpect.EOF)
    assert files(home) == before
    terminal = at_a_terminal(home, "remove:app", "APP=media/films")
    terminal.expect("Remove media/films")
    terminal.sendline("y")
    terminal.expect(pexpect.EOF)
    assert not (home.root / "kubernetes/apps/media/films").exists()


def test_what_stays_behind_is_named(home: Workplace) -> None:
    item = "---\nkind: OnePasswordItem\nmetadata:\n  name: clips\nspec:\n  itemPath: vaults/Homelab/items/{}\n"
    external = (
        "---\nkind: ExternalSecret\nmetadata:\n  name: other\nspec:\n  dataFrom:\n    - extract:\n        key: tube\n"
    )
    add_app(home.root, "video/clips", onepassworditem=item.format("Clips"), externalsecret=external)
    home.write(
        "kubernetes/apps/media/series/app/config.yaml",
        "kind: ConfigMap\nmetadata:\n  name: a\ndata:\n  url: http://clips.video.svc:80\n",
    )
    said = home.succeeds("remove:app", "APP=video/clips", "--", "--yes")
    assert "the 1Password item Clips is as it was" in said
    assert "the 1Password item tube is as it was" in said
    assert "media/series/app/config.yaml:5 (clips.video) is an address of video/clips" in said
    assert "namespace video is empty and stays" in said and "kubectl delete namespace video" in said


def test_a_registration_is_found_however_it_is_written(home: Workplace) -> None:
    listing = "kubernetes/apps/media/kustomization.yaml"
    home.write(listing, "resources:\n- series/ks.yaml # first\n# films on the NAS\n- films/../films/ks.yaml\n")
    home.succeeds("remove:app", "APP=media/films", "--", "--yes")
    assert home.read(listing) == "resources:\n- series/ks.yaml # first\n"
    home.write(listing, "resources: []\n")
    home.succeeds("remove:app", "APP=media/series", "--", "--yes")
    assert home.read(listing) == "resources: []\n"


@pytest.mark.parametrize("task", ["remove:app", "move:app", "new:app"])
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "APP is missing: APP=<namespace>/<app>."),
        (("APP=../../films",), "APP is <namespace>/<app>, not ../../films."),
    ],
)
def test_an_app_that_is_not_named_is_asked_for(
    task: str, words: tuple[str, ...], sentence: str, bare: Workplace
) -> None:
    assert bare.refuses(task, *words) == sentence


def test_an_app_that_is_not_there_is_refused(home: Workplace) -> None:
    (home.root / "kubernetes/apps/media/folder").mkdir()
    for name in ("none", "folder"):
        sentence = f"there is no app in kubernetes/apps/media/{name}."
        assert home.refuses("remove:app", f"APP=media/{name}", "--", "--yes") == sentence
        assert home.refuses("move:app", f"APP=media/{name}", "TO=video", "--", "--yes") == sentence


# --- Claims ---


@pytest.mark.parametrize(
    ("name", "text", "lost", "kept"),
    [
        ("claim", CLAIM.format(name="a") + CLAIM.format(name="b"), ("a", "b"), ()),
        (
            "claim",
            CLAIM.format(name="a") + "  annotations:\n    kustomize.toolkit.fluxcd.io/prune: disabled\n",
            (),
            ("a",),
        ),
        ("helmrelease", "{config: {size: 1Gi}}", ("films",), ()),
        ("helmrelease", "{a: {size: 1Gi}, b: {type: persistentVolumeClaim}}", ("films-a", "films-b"), ()),
        ("helmrelease", "{config: {retain: true}}", (), ("films",)),
        ("helmrelease", "{config: {forceRename: own}}", ("own",), ()),
        ("helmrelease", "{a: {type: nfs}, b: {existingClaim: x}, c: {enabled: false}, d: {type: emptyDir}}", (), ()),
        (
            "database",
            "---\napiVersion: postgresql.cnpg.io/v1\nkind: Cluster\nmetadata:\n  name: db\n",
            ("those of the database db",),
            (),
        ),
        (
            "statefulset",
            "---\nkind: StatefulSet\nmetadata:\n  name: s\nspec:\n  volumeClaimTemplates: [{metadata: {name: d}}]\n",
            (),
            ("those that StatefulSet s makes for its pods",),
        ),
        ("notes", "{{ this is no YAML }}\n", (), ()),
    ],
)  # fmt: skip
def test_claims_are_found(name: str, text: str, lost: tuple[str, ...], kept: tuple[str, ...], tmp_path: Path) -> None:
    if name == "helmrelease":
        text = RELEASE.format(name="films", chart="app-template").replace("{}", text)
    folder = add_app(tmp_path, "media/films", **{name: text})
    claims = claims_in(Repository(tmp_path), folder)
    assert (claims.lost, claims.kept, claims.unknown) == (lost, kept, ())


# --- A change as a whole ---


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide a folder with a file and a folder, for talos_flux.repository.transaction."""
    monkeypatch.setattr(talos_flux.repository.transaction, "ROOT", tmp_path)
    (tmp_path / "folder").mkdir()
    for name in ("file", "folder/inside"):
        (tmp_path / name).write_text(f"{name}\n")
    return tmp_path


def everything_in(root: Path) -> dict[str, str]:
    return {str(path): (root / path).read_text() for path in files_in(root)}


def three_steps(change: FileTransaction, root: Path) -> None:
    change.write(root / "file", "other\n")
    change.move(root / "folder", root / "moved")
    change.delete(root / "moved/inside")


def test_a_change_happens(root: Path) -> None:
    with FileTransaction(root) as change:
        three_steps(change, root)
    assert everything_in(root) == {"file": "other\n"}
    assert sorted(path.name for path in root.iterdir()) == ["file", "moved"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("disk full")])
def test_a_change_that_fails_or_is_interrupted_leaves_nothing(error: BaseException, root: Path) -> None:
    before = everything_in(root)
    with pytest.raises((KeyboardInterrupt, OSError)), FileTransaction(root) as change:
        three_steps(change, root)
        raise error
    assert everything_in(root) == before
    assert sorted(path.name for path in root.iterdir()) == ["file", "folder"]


def test_a_step_that_fails_takes_back_the_steps_before(root: Path) -> None:
    before = everything_in(root)
    with pytest.raises(FileNotFoundError), FileTransaction(root) as change:
        three_steps(change, root)
        change.move(root / "none", root / "other")
    assert everything_in(root) == before


def test_a_link_that_leads_nowhere_is_moved_back_too(root: Path) -> None:
    (root / "link").symlink_to("nowhere")
    with pytest.raises(OSError, match="disk full"), FileTransaction(root) as change:
        change.move(root / "link", root / "moved")
        change.delete(root / "moved")
        raise OSError("disk full")
    assert sorted(path.name for path in root.iterdir()) == ["file", "folder", "link"]
    assert (root / "link").readlink() == Path("nowhere")


# --- move:app ---


def test_a_moved_app_is_the_same_elsewhere(home: Workplace) -> None:
    folder = home.root / "kubernetes/apps/media/films"
    ks_before = (folder / "ks.yaml").read_text()
    said = home.succeeds("move:app", "APP=media/films", "TO=video", "--", "--yes")
    assert not folder.exists()
    assert home.read("kubernetes/apps/media/kustomization.yaml") == listing("namespace.yaml", "series/ks.yaml")
    assert home.read("kubernetes/apps/video/kustomization.yaml") == listing("namespace.yaml", "films/ks.yaml")
    assert home.read("kubernetes/apps/video/films/ks.yaml") == ks_before.replace("media", "video")
    assert "Next: `git add kubernetes && git commit`, then push." in said
    assert not [line for line in changed(home) if "meta/repos" in line]
    home.succeeds("validate")


def test_moving_there_and_back_changes_nothing(home: Workplace) -> None:
    home.succeeds("move:app", "APP=media/films", "TO=video/films", "--", "--yes")
    said = home.succeeds("move:app", "APP=video/films", "TO=media", "--", "--yes")
    assert "namespace video is empty and stays" in said
    assert changed(home) == set()


def test_moving_says_that_it_carries_no_data_and_asks(home: Workplace) -> None:
    home.write("kubernetes/apps/media/films/app/claim.yaml", CLAIM.format(name="films-config"))
    before = files(home)
    refusal = home.refuses("move:app", "APP=media/films", "TO=video")
    assert refusal.startswith("Moving carries no data. Flux deletes its claims and their data: films-config.")
    assert refusal.endswith("Move media/films to video? Nobody is at the terminal to answer: pass --yes to agree.")
    assert files(home) == before


@pytest.mark.parametrize(
    ("to", "sentence"),
    [
        ("", "TO is missing: TO=<namespace>."),
        ("media", "media/films is in namespace media already."),
        ("none", "there is no namespace none: `task new:namespace NAME=none` makes it."),
        ("..", "there is no namespace ..: "),
        ("video/movies", "media/films can't become video/movies: a name is also that of its Helm release"),
        ("video", "kubernetes/apps/video/films is taken"),
    ],
)
def test_a_place_that_an_app_cannot_move_to_is_refused(to: str, sentence: str, home: Workplace) -> None:
    home.write("kubernetes/apps/video/films/notes.md", "mine\n")
    before = files(home)
    assert home.refuses("move:app", "APP=media/films", f"TO={to}", "--", "--yes").startswith(sentence)
    assert files(home) == before


def test_files_that_are_found_from_the_old_namespace_only_are_refused(home: Workplace) -> None:
    home.write("kubernetes/apps/media/films/app/kustomization.yaml", listing("../../shared"))
    before = files(home)
    refusal = home.refuses("move:app", "APP=media/films", "TO=video", "--", "--yes")
    assert (
        "kubernetes/apps/media/films/app/kustomization.yaml takes ./../../shared out of kubernetes/apps/media,"
        in refusal
    )
    assert files(home) == before


def test_what_a_person_has_to_look_at_is_listed(home: Workplace) -> None:
    add_namespace(home.root, "strict", "restricted")
    home.write(
        "kubernetes/apps/media/films/app/config.yaml",
        "kind: ConfigMap\nmetadata:\n  name: films\ndata:\n  neighbour: http://series:8989\n"
        "  far: http://series.media.svc:8989\n  own: http://films.media.svc.cluster.local\n",
    )
    home.write("kubernetes/apps/media/series/app/config.yaml", "url: http://films:80\nhost: films.media.example.net\n")
    home.write("kubernetes/apps/video/config.yaml", "url: films.media:80\n")
    said = home.succeeds("move:app", "APP=media/films", "TO=strict", "--", "--yes")
    assert "look at kubernetes/apps/strict/films/app/config.yaml:5 (neighbour: http://series:8989)" in said
    assert "config.yaml:6" not in said and "config.yaml:7" not in said
    assert "own: http://films.strict.svc.cluster.local\n" in home.read("kubernetes/apps/strict/films/app/config.yaml")
    assert "kubernetes/apps/media/series/app/config.yaml:1 (//films) is an address of media/films" in said
    assert "kubernetes/apps/video/config.yaml:1 (films.media) is an address of media/films" in said
    assert "config.yaml:2" not in said
    assert "namespace strict allows restricted pods, media baseline ones" in said


@pytest.mark.parametrize(
    ("words", "rest"),
    [
        (("move:app", "TO=video"), ", which can only be mounted in namespace video now"),
        (("remove:app",), ""),
    ],
)
def test_who_mounts_a_claim_of_an_app_that_leaves_is_named(words: tuple[str, ...], rest: str, home: Workplace) -> None:
    home.write("kubernetes/apps/media/films/app/pvc.yaml", CLAIM.format(name="films-data"))
    home.write(
        "kubernetes/apps/media/series/app/config.yaml",
        "a: {existingClaim: films-data}\nclaimName: films-data-2\nclaimName: 'films-data'\n",
    )
    home.write("kubernetes/apps/media/series/.copier-answers.yml", "app_mounts:\n- claim: films-data\n  path: /data\n")
    home.write("kubernetes/apps/video/config.yaml", "claimName: films-data\n")
    said = home.succeeds(words[0], "APP=media/films", *words[1:], "--", "--yes")
    for place in (
        "app/config.yaml:1 (existingClaim: films-data)",
        "app/config.yaml:3 (claimName: 'films-data)",
        ".copier-answers.yml:2 (claim: films-data)",
    ):
        assert f"kubernetes/apps/media/series/{place} mounts a claim of media/films{rest}." in said
    assert said.count(" mounts a claim of ") == 3


def test_an_encrypted_file_moves_as_it_is(render: Renderer, tmp_path: Path) -> None:
    workplace = set_up(tmp_path, render(SOPS))
    add_namespace(workplace.root, "media", "baseline", "films")
    add_namespace(workplace.root, "video")
    encrypted = "kind: Secret\nmetadata:\n  namespace: media\nstringData:\n  a: ENC[AES256_GCM]\nsops: {mac: a}\n"
    add_app(workplace.root, "media/films")
    workplace.write("kubernetes/apps/media/films/app/films.sops.yaml", encrypted)
    said = workplace.succeeds("move:app", "APP=media/films", "TO=video", "--", "--yes")
    assert workplace.read("kubernetes/apps/video/films/app/films.sops.yaml") == encrypted
    assert "kubernetes/apps/video/films/app/films.sops.yaml:3 (namespace: media)" in said


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("a.yaml", "kind: Role\nmetadata: {name: a, namespace: media} # here\n", "{name: a, namespace: video} # here"),
        ("kustomization.yaml", 'namespace: "media"\n', 'namespace: "video"\n'),
        ("config.yaml", "namespace: media\n", "namespace: media\n"),
        ("hr.yaml", "kind: HelmRelease\nspec: {targetNamespace: media}\n", "{targetNamespace: video}"),
        ("rb.yaml", "subjects:\n  - {kind: ServiceAccount, name: films, namespace: media}\n", "namespace: video"),
        ("rb.yaml", "subjects:\n  - {kind: ServiceAccount, name: series, namespace: media}\n", "namespace: media"),
        ("route.yaml", "backendRefs:\n  - name: films\n    namespace: media\n", "namespace: video"),
        ("policy.yaml", "kubernetes.io/metadata.name: media\n", "kubernetes.io/metadata.name: media\n"),
        ("a.yaml", "metadata: {namespace: &media media}\nother: *media\n", "{namespace: &media video}\nother: *media"),
        ("run.sh", "curl films-web.media.svc:80 films.media.example.net\n", "films-web.video.svc:80 films.media.ex"),
        ("hass.yaml", "a: !secret b\nmetadata: {namespace: media}\n", "a: !secret b\nmetadata: {namespace: video}"),
        ("chart.yaml", "{{ if x }}\nmetadata: {namespace: media}\n", "{{ if x }}\nmetadata: {namespace: media}"),
        ("b.yaml", "url: http://films.media/api\npath: /data/media\n", "http://films.video/api\npath: /data/media\n"),
        ("c.yaml", "host: films.media.${DOMAIN}\n", "films.media.${DOMAIN}\n"),
        ("d.yaml", "other: old-films.media.svc\n", "old-films.media.svc\n"),
        (".copier-answers.yml", "app_name: media\napp_namespace: media\n", "app_name: media\napp_namespace: video\n"),
    ],
)  # fmt: skip
def test_only_what_certainly_names_the_apps_namespace_changes(
    name: str, before: str, after: str, tmp_path: Path
) -> None:
    folder = add_app(tmp_path, "media/films")
    repository = Repository(tmp_path)
    move = Move(repository, repository.app_in(folder), "video")
    assert after in move.moved(folder / "app" / name, before)


def test_flux_kustomizations_stay_in_flux_system(tmp_path: Path) -> None:
    folder = add_app(tmp_path, "flux-system/films", chart="films")
    repository = Repository(tmp_path)
    moved = Move(repository, repository.app_in(folder), "media").files()
    assert moved[folder / "ks.yaml"] == ks("media/films")
    assert moved[folder / "app/helmrelease.yaml"] == RELEASE.format(name="films", chart="films")


# --- new:namespace, new:app ---

GIVEN = ("app_image=ghcr.io/example/films", "app_tag=1.2.3", "app_port=8080", "app_mounts=[{path: /config, pvc: 5Gi}]")
DATA = tuple(word for answer in GIVEN for word in ("--data", answer))


def test_a_new_app_stands_where_it_was_moved_to(bare: Workplace) -> None:
    """Made in one namespace and moved, or made in the other, it is the same; an update finds nothing to do."""
    bare.succeeds("new:namespace", "NAME=media", "--", "--defaults")
    bare.succeeds("new:namespace", "NAME=video", "--", "--data", "ns_pod_security=restricted", "--defaults")
    bare.push()
    bare.succeeds("new:app", "APP=media/films", "--", *DATA, "--defaults")
    bare.succeeds("move:app", "APP=media/films", "TO=video", "--", "--yes")
    moved = files(bare)
    bare.push()
    folder = bare.root / "kubernetes/apps/video/films"
    copier = [str(Path(sys.executable).with_name("copier")), "update", "--defaults", "--quiet", str(folder)]
    subprocess.run(copier, cwd=bare.root, env=environment(), check=True, capture_output=True)
    assert changed(bare) == set()
    bare.succeeds("remove:app", "APP=video/films", "--", "--yes")
    said = bare.succeeds("new:app", "APP=video/films", "--", *DATA, "--defaults")
    assert "kubernetes/apps/video/films" in said and "Fetching" not in said
    assert files(bare) == moved


def test_an_app_is_followed_at_the_clusters_version(bare: Workplace) -> None:
    bare.succeeds("new:app", "APP=media/films", "--", *DATA, "--defaults")
    recorded = yaml.safe_load(bare.read("kubernetes/apps/media/films/.copier-answers.yml"))
    of_the_cluster = yaml.safe_load(bare.read(".copier-answers.yml"))
    assert (recorded["_commit"], recorded["_src_path"]) == (VERSION, of_the_cluster["_src_path"])
    assert "copier" not in " ".join(bare.git("status", "--porcelain").split())


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Provide a tiny template with two commits, the first of them tagged, and an empty cache."""
    folder = tmp_path / "template"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for number in (1, 2):
        (folder / "number").write_text(f"{number}")
        git(folder, "add", "--all")
        git(folder, *IDENTITY, "commit", "--quiet", "--message", f"commit {number}")
        git(folder, *(["tag", "v1.0.0"] if number == 1 else ["log"]))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return folder


def fetched(tmp_path: Path) -> list[Path]:
    """Return the template's versions in the cache."""
    found = (tmp_path / "cache/copier-talos-flux").glob("*/")
    return sorted(path for path in found if path.suffix != ".git")


def test_files_are_looked_for_where_the_person_is(bare: Workplace) -> None:
    bare.write("kubernetes/answers.yml", "ns_pod_security: privileged\n")
    words = ["task", "new:namespace", "NAME=films", "--", "--defaults", "--data-file", "answers.yml"]
    done = subprocess.run(
        words, cwd=bare.root / "kubernetes", env=bare.environment, check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "enforce: privileged" in bare.read("kubernetes/apps/films/namespace.yaml")


def test_questions_reach_the_person(bare: Workplace) -> None:
    terminal = at_a_terminal(bare, "new:namespace", "NAME=films")
    terminal.expect("What pods of namespace films may do")
    terminal.sendline("")
    terminal.expect(pexpect.EOF)
    assert (bare.root / "kubernetes/apps/films/namespace.yaml").exists()


def test_the_template_is_fetched_once(source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = fetch.checkout(str(source), "v1.0.0")
    assert "Fetching the template" in capsys.readouterr().out
    shutil.rmtree(source)
    assert fetch.checkout(str(source), "v1.0.0") == kept
    assert "Fetching" not in capsys.readouterr().out
    assert fetched(tmp_path) == [kept]
    assert git(kept, "status", "--porcelain") == ""


def test_what_an_interrupted_fetch_left_is_no_template(source: Path) -> None:
    kept = fetch.checkout(str(source), "v1.0.0")
    kept.rename(kept.with_name(f"{kept.name}.x.unfinished"))
    (kept.with_name(f"{kept.name}.x.unfinished") / "number").unlink()
    assert (fetch.checkout(str(source), "v1.0.0") / "number").exists()


@pytest.mark.parametrize("form", ["tag", "described", "short", "full"])
def test_every_form_of_a_version_is_found(form: str, source: Path) -> None:
    versions = {
        "tag": "v1.0.0",
        "described": git(source, "describe", "--tags", "--long").strip(),
        "short": git(source, "rev-parse", "--short", "HEAD").strip(),
        "full": git(source, "rev-parse", "HEAD").strip(),
    }
    number = "1" if form == "tag" else "2"
    assert (fetch.checkout(str(source), versions[form]) / "number").read_text() == number


@pytest.mark.parametrize(
    ("address", "commit", "reason"),
    [
        ("https://127.0.0.1:9/none.git", "v1.0.0", r"unable to access .*"),
        ("{}/none", "v1.0.0", r"repository .* does not exist"),
        ("{}/template", "v2.0.0", r"it has no such version; `copier update` moves this repository to one that it has"),
        ("{}/template", "v1.0.0-4-gabcdef0", r"it has no such version; .*"),
    ],
)
def test_a_template_that_cannot_be_fetched_is_named(
    address: str, commit: str, reason: str, source: Path, tmp_path: Path
) -> None:
    address = address.format(tmp_path)
    with pytest.raises(UserError) as refusal:
        fetch.checkout(address, commit)
    expected = rf"the template {re.escape(address)} can't be fetched at {commit}: {reason}\.?"
    assert re.fullmatch(expected, str(refusal.value).strip())
    assert fetched(tmp_path) == []


def test_a_template_at_a_relative_path_is_to_be_written_in_full(source: Path) -> None:
    with pytest.raises(UserError) as refusal:
        fetch.checkout("tpl", "v1.0.0")
    assert str(refusal.value) == (
        "_src_path in .copier-answers.yml is tpl, a path that leads nowhere from here: write the template's address "
        "there, or its path from / on."
    )


def test_a_template_without_generators_is_refused(bare: Workplace, source: Path) -> None:
    bare.write(".copier-answers.yml", yaml.safe_dump({"_commit": "v1.0.0", "_src_path": str(source)}))
    assert "has no apps to add yet: `copier update` brings them" in bare.refuses("new:app", "APP=media/films")


@pytest.mark.parametrize(
    ("words", "sentence"), [((), "NAME is missing: "), (("NAME=a/b",), "NAME is <namespace>, not a/b.")]
)
def test_a_namespace_that_is_not_named_is_asked_for(words: tuple[str, ...], sentence: str, bare: Workplace) -> None:
    assert bare.refuses("new:namespace", *words).startswith(sentence)


def test_the_tools_bring_the_copier_that_mise_installs() -> None:
    pinned = re.search(r"^copier==(\S+)", (PROJECT / "src/talos_flux/requirements.txt").read_text(), re.MULTILINE)
    assert pinned
    assert f"pin_copier:\n  type: str\n  default: {pinned[1]}\n" in (PROJECT / "questions/tool_pins.yml").read_text()
