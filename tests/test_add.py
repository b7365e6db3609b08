"""A namespace and an app, added to a cluster: what is written, and that nothing else is."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import copier
import pexpect
import pytest
import yaml

from talos_flux.template.generate.command import main
from tests.support.home import WEB_APP, Home, command_line, typed_to
from tests.support.needs import needs
from tests.support.render import PROJECT, VERSION, git

pytestmark = [needs("copier"), pytest.mark.full]

APP_FILES = [".copier-answers.yml", "app/helmrelease.yaml", "app/kustomization.yaml", "ks.yaml"]
REPOS = "kubernetes/flux/meta/repos"
GRAFANA = {"app_chart_url": "oci://ghcr.io/example/charts/dashboard", "app_chart_version": "9.3.0"}
LONGHORN = {"app_chart_url": "https://charts.example.net/stable/disks", "app_chart_version": "1.2.3"}


def new(folder: str, *names: str) -> list[str]:
    return [f"?? {folder}/{name}" for name in names]


# --- From the command line ---


def test_copier_makes_a_namespace(home: Home) -> None:
    done = home.copier("namespace", "kubernetes/apps/media", {"ns_pod_security": "restricted"})
    assert done.returncode == 0, done.stderr
    folder = "kubernetes/apps/media"
    assert home.changes == new(folder, ".copier-answers.yml", "kustomization.yaml", "namespace.yaml")
    assert "enforce: restricted" in home.text(f"{folder}/namespace.yaml")
    assert "Namespace media is new, with pod security restricted." in done.stdout
    assert "git add kubernetes/apps/media && git commit" in done.stdout


def test_the_documented_command_says_what_was_written_and_nothing_of_copiers(home: Home) -> None:
    """Copier calls the version of a template None that is a folder of a repository."""
    page = (PROJECT / "docs/how-to/add-an-app.md").read_text()
    assert "`copier copy --quiet --trust <template>/generators/app kubernetes/apps/media/jellyfin`" in page
    done = home.copier("app", "kubernetes/apps/media/jellyfin", WEB_APP, "--quiet")
    assert done.returncode == 0, done.stderr
    notes = done.stderr.splitlines()
    assert [line for line in notes if "None" in line or "Running task" in line] == []
    assert "App media/jellyfin is new in kubernetes/apps/media/jellyfin" in done.stdout


def test_what_would_be_written_is_shown_and_not_written(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--pretend", "--defaults", *(f"--data={name}={value}" for name, value in GRAFANA.items())]
    with home.untouched():
        assert main(home.template, ["app", str(home.root / "kubernetes/apps/default/board"), *options]) == 0
    said = capsys.readouterr().out
    assert said.endswith("Nothing was written.\n")
    (home.root / "shown.patch").write_text(said.rpartition("Nothing was written.")[0])
    git(home.root, "apply", "shown.patch")
    (home.root / "shown.patch").unlink()
    shown = home.tree
    git(home.root, "checkout", "--quiet", ".")
    git(home.root, "clean", "--quiet", "--force", "-d")
    home.add("app", "kubernetes/apps/default/board", **GRAFANA)
    assert shown == home.tree


def test_copiers_pretend_names_the_command_that_shows_what_would_be_written(home: Home) -> None:
    with home.untouched():
        done = home.copier("app", "kubernetes/apps/default/jellyfin", WEB_APP, "--pretend")
    assert done.returncode == 0
    command = next(line for line in done.stderr.splitlines() if "hooks/add.py" in line and "--pretend" in line)
    with home.untouched():
        shown = subprocess.run(shlex.split(command), cwd=home.root, capture_output=True, text=True, check=True)
    assert "\n+++ b/kubernetes/apps/default/jellyfin/ks.yaml\n" in shown.stdout


@pytest.mark.witness
def test_copier_makes_an_app_and_registers_it(home: Home) -> None:
    done = home.copier("app", "kubernetes/apps/default/jellyfin")
    assert done.returncode == 0, done.stderr
    registration = " M kubernetes/apps/default/kustomization.yaml"
    assert home.changes == [registration, *new("kubernetes/apps/default/jellyfin", *APP_FILES)]
    assert git(home.root, "diff", "--numstat") == "1\t0\tkubernetes/apps/default/kustomization.yaml\n"
    assert "+  - ./jellyfin/ks.yaml\n" in git(home.root, "diff")
    answers = home.answers("kubernetes/apps/default/jellyfin")
    assert (answers["app_name"], answers["app_namespace"]) == ("jellyfin", "default")
    command = next(line for line in done.stdout.splitlines() if line.startswith("Next: "))
    subprocess.run(f"{command.removeprefix('Next: ')} --quiet --message x", shell=True, cwd=home.root, check=True)  # noqa: S602
    assert home.changes == []


def test_an_app_brings_a_namespace_that_is_missing(home: Home) -> None:
    done = home.copier("app", "kubernetes/apps/media/jellyfin", WEB_APP | {"ns_pod_security": "privileged"})
    assert done.returncode == 0, done.stderr
    assert "Namespace media is new, with pod security privileged." in done.stdout
    assert "git add kubernetes/apps/media && git commit" in done.stdout
    resources = yaml.safe_load(home.text("kubernetes/apps/media/kustomization.yaml"))["resources"]
    assert resources == ["./namespace.yaml", "./jellyfin/ks.yaml"]
    assert home.answers("kubernetes/apps/media")["generator"] == "namespace"


def test_a_refusal_is_one_sentence_and_leaves_no_folder(home: Home) -> None:
    with home.untouched():
        done = home.copier("app", "kubernetes/apps/media/jellyfin", WEB_APP | {"app_tag": "latest"})
        assert done.returncode == 1
        sentences = [line for line in done.stderr.splitlines() if "Task" not in line and "task" not in line]
        assert [line for line in sentences if line and not line.startswith("Copying")] == [
            "error: app_tag: latest is a tag that moves: name a version, e.g. 10.11.2, or add the digest, "
            "latest@sha256:..."
        ]
    (home.root / "kubernetes/apps/media/jellyfin").mkdir(parents=True)
    with home.untouched():
        assert home.copier("app", "kubernetes/apps/media/jellyfin", {"app_tag": "latest"}).returncode == 1
    assert home.copier("app", "kubernetes/apps/media/jellyfin").returncode == 0
    before = home.tree
    done = home.copier("app", "kubernetes/apps/media/jellyfin")
    assert "exists already: `copier update --defaults" in done.stderr
    assert home.tree == before


def test_a_cluster_runs_the_same_without_copiers_command(home: Home, tmp_path: Path) -> None:
    (tmp_path / "answers.yaml").write_text("app_image: ghcr.io/example/other\napp_tag: 1.2.3\napp_mounts: []\n")
    command = [sys.executable, str(home.template / "hooks/add.py"), "app", "web", "--defaults"]
    options = ["--data-file", str(tmp_path / "answers.yaml"), "--data", "app_image=ghcr.io/example/web"]
    folder = home.root / "kubernetes/apps/default"
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert home.answers("kubernetes/apps/default/web")["app_image"] == "ghcr.io/example/web"
    again = subprocess.run([*command, "--quiet"], cwd=folder, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stdout) == (1, "")
    assert again.stderr.startswith("error: ") and again.stderr.count("\n") == 1


def test_image_and_port_leave_three_prompts(home: Home) -> None:
    data = {"app_image": "ghcr.io/jellyfin/jellyfin:10.11.2", "app_port": "8096"}
    command = command_line(home.template, "app", "kubernetes/apps/default/jellyfin", data)
    command.remove("--defaults")
    terminal = pexpect.spawn(
        command[0], command[1:], cwd=str(home.root), env=typed_to(), encoding="utf-8", timeout=60, dimensions=(40, 200)
    )
    for words in ("Who reaches it", "Folders that outlive", "Where a secret of its own"):
        terminal.expect(words)
        terminal.send("\x1b\r" if words.startswith("Folders") else "\r")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0, terminal.before
    recorded = home.answers("kubernetes/apps/default/jellyfin")
    assert [recorded[name] for name in ("app_image", "app_tag", "app_exposure")] == [
        "ghcr.io/jellyfin/jellyfin",
        "10.11.2",
        "internal",
    ]


def test_an_image_is_typed_with_its_tag_as_it_is_given_with_it(home: Home) -> None:
    command = command_line(home.template, "app", "kubernetes/apps/default/board", {"app_kind": "manifests"})
    command.remove("--defaults")
    terminal = pexpect.spawn(
        command[0], command[1:], cwd=str(home.root), env=typed_to(), encoding="utf-8", timeout=60, dimensions=(60, 200)
    )
    digest = f"sha256:{'0' * 64}"
    for words, typed in (
        ("Container image", "Ghcr.io/Example:1.2"),
        ("Ghcr.io/Example is not an image", f"\x05\x15ghcr.io/example/board:latest@{digest}"),
        (f"latest@{digest}", "\x05\x151.2.3"),
        ("Port that the app listens", ""),
        ("Folders that outlive", ""),
        ("Where a secret of its own", ""),
        ("Ask the rare questions", ""),
    ):
        terminal.expect(words)
        terminal.send(typed + ("\x1b\r" if words.startswith("Folders") else "\r"))
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0, terminal.before
    recorded = home.answers("kubernetes/apps/default/board")
    assert (recorded["app_image"], recorded["app_tag"]) == ("ghcr.io/example/board", "1.2.3")


def test_the_namespace_is_asked_for_its_level(home: Home) -> None:
    command = command_line(home.template, "namespace", "kubernetes/apps/media", {})
    command.remove("--defaults")
    terminal = pexpect.spawn(
        command[0], command[1:], cwd=str(home.root), env=typed_to(), encoding="utf-8", timeout=60, dimensions=(40, 200)
    )
    terminal.expect("What pods of namespace media may do")
    terminal.send("\x1b[B\r")
    terminal.expect(pexpect.EOF)
    assert home.answers("kubernetes/apps/media")["ns_pod_security"] == "restricted"


def test_the_files_are_those_that_copier_itself_writes(home: Home, tmp_path: Path) -> None:
    folder = "kubernetes/apps/default/jellyfin"
    assert home.copier("app", folder).returncode == 0
    answers = {name: value for name, value in home.answers(folder).items() if not name.startswith("_")}
    copier.run_copy(str(home.template), tmp_path / "own", data=answers, vcs_ref=VERSION, defaults=True, quiet=True)
    own = {path.relative_to(tmp_path / "own"): path.read_bytes() for path in (tmp_path / "own").rglob("*.*")}
    assert len(own) == len(APP_FILES)
    assert {path: (home.root / folder / path).read_bytes() for path in own} == own


# --- What is registered ---


@pytest.mark.witness
def test_comments_and_order_of_a_namespaces_list_survive(home: Home) -> None:
    path = "kubernetes/apps/media/kustomization.yaml"
    home.add("namespace", "kubernetes/apps/media")
    text = (
        "# mine\n---\nkind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nresources:\n"
        "  # the namespace first\n  - ./namespace.yaml  # no app\n  - ./zoo/ks.yaml\n\n  - ./ant/ks.yaml\n# the end\n"
    )
    home.write(path, text)
    home.commit()
    home.add("app", "kubernetes/apps/media/jellyfin", **WEB_APP)
    lines = home.text(path).splitlines(keepends=True)
    assert "".join(line for line in lines if "jellyfin" not in line) == text
    assert lines.count("  - ./jellyfin/ks.yaml\n") == 1
    assert [line for line in home.changes if not line.startswith("??")] == [f" M {path}"]


def test_two_branches_with_an_app_each_merge_without_a_conflict(home: Home) -> None:
    for name in ("bazarr", "lidarr", "sonarr"):
        home.add("app", f"kubernetes/apps/media/{name}", **WEB_APP)
    home.commit()
    for name in ("jellyfin", "radarr"):
        git(home.root, "checkout", "--quiet", "-b", name, "main")
        home.add("app", f"kubernetes/apps/media/{name}", **WEB_APP)
        home.commit(f"feat: {name}")
    git(home.root, "merge", "--quiet", "--no-edit", "jellyfin")
    resources = yaml.safe_load(home.text("kubernetes/apps/media/kustomization.yaml"))["resources"]
    names = ("bazarr", "jellyfin", "lidarr", "radarr", "sonarr")
    assert resources == ["./namespace.yaml", *(f"./{name}/ks.yaml" for name in names)]


# --- Chart sources ---


def test_a_chart_brings_its_source(home: Home) -> None:
    added = home.add("app", "kubernetes/apps/default/board", **GRAFANA)
    text = home.text(f"{REPOS}/dashboard.yaml")
    cilium = home.text(f"{REPOS}/cilium.yaml")
    tag = re.search(r"tag: (\S+)", cilium)
    assert tag
    assert text == cilium.replace("oci://quay.io/cilium/charts/cilium", GRAFANA["app_chart_url"]).replace(
        "cilium", "dashboard"
    ).replace(tag[1], "9.3.0")
    assert home.answers("kubernetes/apps/default/board")["app_chart_source"] == "dashboard"
    assert f"Its chart comes from dashboard, a new source in {REPOS}/dashboard.yaml." in added.told


@pytest.mark.witness
def test_an_equal_source_is_shared_and_any_other_is_the_apps_own(home: Home) -> None:
    home.add("app", "kubernetes/apps/default/one", **GRAFANA)
    home.commit()
    home.add("app", "kubernetes/apps/default/two", **GRAFANA)
    assert not any(REPOS in line for line in home.changes)
    home.add("app", "kubernetes/apps/default/three", **GRAFANA | {"app_chart_version": "9.4.0"})
    home.add(
        "app", "kubernetes/apps/default/four", **GRAFANA | {"app_chart_url": "oci://ghcr.io/fork/charts/dashboard"}
    )
    assert [line for line in home.changes if REPOS in line] == new(REPOS, "dashboard-four.yaml", "dashboard-three.yaml")
    assert "name: dashboard-three\n" in home.text("kubernetes/apps/default/three/app/helmrelease.yaml")
    assert "tag: 9.4.0" in home.text(f"{REPOS}/dashboard-three.yaml")
    home.add("app", "kubernetes/apps/default/five", **GRAFANA | {"app_chart_version": "9.4.0"})
    assert home.answers("kubernetes/apps/default/five")["app_chart_source"] == "dashboard-three"


def test_only_the_address_of_a_helm_repository_matters(home: Home) -> None:
    home.add("app", "kubernetes/apps/default/one", **LONGHORN)
    source = yaml.safe_load(home.text(f"{REPOS}/disks.yaml"))
    assert (source["kind"], source["spec"]["url"]) == ("HelmRepository", "https://charts.example.net/stable")
    home.commit()
    home.add("app", "kubernetes/apps/default/two", **LONGHORN | {"app_chart_version": "2.0.0"})
    assert not any(REPOS in line for line in home.changes)
    assert "version: 2.0.0" in home.text("kubernetes/apps/default/two/app/helmrelease.yaml")


def test_app_template_comes_back_where_it_was_removed(home: Home) -> None:
    before = home.text(f"{REPOS}/app-template.yaml")
    (home.root / f"{REPOS}/app-template.yaml").unlink()
    home.add("app", "kubernetes/apps/default/jellyfin", **WEB_APP)
    assert home.text(f"{REPOS}/app-template.yaml") == before


# --- What is said ---


def test_the_item_to_create_is_named(home: Home) -> None:
    data = WEB_APP | {"app_secret": "onepassword", "app_secret_keys": "[API_KEY, TOKEN]"}
    added = home.add("app", "kubernetes/apps/default/jellyfin", **data)
    assert added.told[-1] == "Create its 1Password item, jellyfin in vault Homelab with fields API_KEY, TOKEN."


# --- Updates ---


@pytest.fixture
def releases(template: Path, tmp_path: Path) -> Path:
    """Provide the template with v1.0.0, which is checked out, and v2.0.0, which writes another label."""
    folder = tmp_path / "releases"
    git(PROJECT, "clone", "--quiet", str(template), str(folder))
    git(folder, "tag", "--delete", *git(folder, "tag").split())
    git(folder, "tag", "v1.0.0")
    flux = folder / "macros/flux.jinja"
    flux.write_text(flux.read_text().replace("prune: disabled", "prune: disabled\n    example.net/release: two"))
    git(folder, "commit", "--quiet", "--all", "--message", "feat: second release")
    git(folder, "tag", "v2.0.0")
    git(folder, "checkout", "--quiet", "v1.0.0")
    return folder


@pytest.mark.witness
def test_a_namespace_and_an_app_update_on_their_own_without_trust(home: Home, releases: Path) -> None:
    home.record(_src_path=str(releases))
    home.commit()
    folder = "kubernetes/apps/media"
    assert home.copier("app", f"{folder}/jellyfin", template=releases).returncode == 0
    assert home.answers(folder)["_commit"] == home.answers(f"{folder}/jellyfin")["_commit"] == "v1.0.0"
    home.commit()
    for each in (folder, f"{folder}/jellyfin"):
        done = subprocess.run(
            ["copier", "update", "--defaults", "--skip-answered"],
            cwd=home.root / each,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        home.commit()
        assert home.answers(each)["_commit"] == "v2.0.0"
    assert "example.net/release: two" in home.text(f"{folder}/namespace.yaml")
    assert "./jellyfin/ks.yaml" in home.text(f"{folder}/kustomization.yaml")


def test_an_update_gives_no_other_name_than_the_folders(home: Home) -> None:
    home.record(_src_path=str(home.template))
    folder = "kubernetes/apps/media"
    home.add("app", f"{folder}/jellyfin", **WEB_APP)
    home.commit()

    def update(at: str, **answer: str) -> None:
        copier.run_update(
            str(home.root / at), data=answer, defaults=True, skip_answered=True, overwrite=True, quiet=True
        )

    rule = "the name of the folder, which no answer changes"
    for at, question, name, own in (
        (folder, "ns_name", "video", "media"),
        (f"{folder}/jellyfin", "app_name", "plex", "jellyfin"),
        (f"{folder}/jellyfin", "app_namespace", "video", "media"),
    ):
        with pytest.raises(ValueError, match=f"'{question}': {name} is not {own}, {rule}"):
            update(at, **{question: name})
        assert not home.changes
    git(home.root, "mv", folder, "kubernetes/apps/video")
    home.commit("feat: moved by hand")
    update("kubernetes/apps/video/jellyfin", app_namespace="video")
    assert home.answers("kubernetes/apps/video/jellyfin")["app_namespace"] == "video"
