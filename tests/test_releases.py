"""Every release leads to this one, and what it made then is kept."""

import itertools
import re
import subprocess
from pathlib import Path

import pytest
import yaml

import talos_flux.template.render
from tests.conftest import one_worker_each
from tests.support import releases
from tests.support.needs import needs
from tests.support.render import PROJECT, VERSION, commit_all, git
from tests.support.repository import Repository
from tests.support.years import tree_of

RELEASES = list(releases.releases())
LINK = re.compile(r"\]\([^)]*\)")
STEPS = [pytest.param(*pair, id="-".join(pair), marks=pytest.mark.full) for pair in itertools.pairwise(RELEASES)]
EACH = one_worker_each(RELEASES, in_make_test=RELEASES[-1:])


@pytest.fixture(scope="module")
def released(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the project as it is now, with a tag for each release."""
    bare = tmp_path_factory.mktemp("released") / "template.git"
    git(template, "clone", "--quiet", "--bare", str(template), str(bare))
    releases.tag(bare)
    return bare


def run(root: Path, released: Path, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run what is `command` since v0.4, by the cluster's own tools."""
    script = {"validate": "validate-manifests"}.get(command, command)
    return subprocess.run(
        [*releases.command(root, script, command), *words],
        cwd=root,
        env=releases.environment(released),
        capture_output=True,
        text=True,
        check=False,
    )


def cluster_of(version: str, folder: Path) -> Path:
    """Unpack the cluster that a release made."""
    root = folder / "cluster"
    root.mkdir()
    releases.unpack(version, root)
    return root


def test_there_is_more_than_one() -> None:
    assert len(RELEASES) > 1


@pytest.mark.parametrize("version", EACH)
def test_a_release_is_a_commit_of_this_history_which_tells_of_it(version: str) -> None:
    commit = releases.releases()[version]
    git(PROJECT, "merge-base", "--is-ancestor", commit, "HEAD")
    then = git(PROJECT, "show", f"{commit}:docs/releases/{version}.md")
    assert words(releases.NOTES / f"{version}.md").endswith(LINK.sub("]", then))


def words(note: Path) -> str:
    """Return a note without its link targets: a page that moves takes them with it."""
    return LINK.sub("]", note.read_text())


def test_the_changelog_lists_every_release_newest_first() -> None:
    listed = re.findall(
        r"^\| \[(\S+)\]\(docs/releases/(\S+)\.md\) \| [0-9-]{10} \| (.+) \|$", changelog(), re.MULTILINE
    )
    titles = {path.stem: path.read_text() for path in releases.NOTES.glob("*.md")}
    assert [version for version, _, _ in listed] == sorted(titles, reverse=True)
    for version, note, title in listed:
        assert version == note and f"# {version}: {title}\n" in titles[version]


def changelog() -> str:
    return (PROJECT / "CHANGELOG.md").read_text()


@needs("copier")
@pytest.mark.parametrize("version", EACH)
@pytest.mark.full
def test_the_kept_cluster_is_what_the_release_makes(version: str, released: Path, tmp_path: Path) -> None:
    releases.make(released, version, tmp_path / "made")
    kept = tree_of(cluster_of(version, tmp_path))
    assert {name: text for name, text in tree_of(tmp_path / "made").items() if text is not None} == {
        name: text for name, text in kept.items() if text is not None
    }


def images_of(root: Path) -> list[str]:
    """Return the installers of the nodes."""
    return [node["image"] for node in yaml.safe_load((root / "talos/inventory.yaml").read_text())["nodes"]]


@needs("gitleaks", "kustomize")
@needs("copier")
@pytest.mark.parametrize("version", EACH)
def test_its_cluster_follows_to_this_one(version: str, released: Path, tmp_path: Path) -> None:
    root = cluster_of(version, tmp_path)
    images = images_of(root)
    done = run(root, released, "update", "--to", VERSION)
    assert done.returncode == 0, done.stdout + done.stderr
    commit_all(root, "feat: follow the template")
    assert images_of(root) == images
    assert run(root, released, "validate").returncode == 0
    assert "follows the template at" in run(root, released, "update", "--to", VERSION).stdout
    assert differing_from_new(root, released) == []


@needs("copier")
@pytest.mark.parametrize("version", EACH)
def test_its_update_to_this_one_is_undone_by_this_ones_tools(version: str, released: Path, tmp_path: Path) -> None:
    root = cluster_of(version, tmp_path)
    before = tree_of(root)
    assert run(root, released, "update", "--to", VERSION).returncode == 0
    assert (root / "scripts/talos-flux").exists() and not (root / "scripts/lib").exists()
    done = run(root, released, "update", "--undo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert tree_of(root) == before


@needs("copier")
@pytest.mark.parametrize("version", [version for version in RELEASES if version < "v0.4"])
@pytest.mark.full
def test_an_edit_of_a_tool_that_is_gone_is_one_conflict(version: str, released: Path, tmp_path: Path) -> None:
    root = cluster_of(version, tmp_path)
    with (root / "scripts/lib/talos.py").open("a") as tool:
        tool.write("# mine\n")
    commit_all(root, "feat: mine")
    done = run(root, released, "update", "--to", VERSION)
    assert done.returncode == 2, done.stdout + done.stderr
    assert git(root, "diff", "--name-only", "--diff-filter=U").split() == ["scripts/lib/talos.py"]


def differing_from_new(root: Path, released: Path) -> list[str]:
    """Return the files of an updated cluster that differ from what the same answers make now, except registrations."""
    git(root.parent, "clone", "--quiet", str(released), "checkout")
    now = talos_flux.template.render.Template(root.parent / "checkout", commit=VERSION, source=releases.ADDRESS)
    lists = {path.parent / "kustomization.yaml" for path in root.glob("kubernetes/apps/*/namespace.yaml")}
    found = []
    for answers in sorted(root.rglob(".copier-answers.yml")):
        recorded = yaml.safe_load(answers.read_text())
        for name, file in now.render(recorded, destination=answers.parent).items():
            path = answers.parent / name
            if path not in lists and (not path.exists() or path.read_bytes() != file.content):
                found.append(str(path.relative_to(root)))
    return found


@needs("copier")
@pytest.mark.parametrize(("version", "following"), STEPS)
def test_what_is_edited_between_two_releases_stays(
    version: str, following: str, released: Path, tmp_path: Path
) -> None:
    root = cluster_of(version, tmp_path)
    edits = {
        "kubernetes/flux/meta/repos/cilium.yaml": (r"tag: \S+", "tag: 99.0.0"),
        "kubernetes/apps/media/jellyfin/app/helmrelease.yaml": (r"10\.11\.2", "10.12.0"),
        "kubernetes/apps/default/kustomization.yaml": (r"\Z", "  - ./mine/ks.yaml\n"),
        "README.md": (r"\Z", "\nMine.\n"),
    }
    for name, (pattern, text) in edits.items():
        path = root / name
        path.write_text(re.sub(pattern, text, path.read_text(), count=1))
    (root / "kubernetes/apps/default/whoami/app/extra.yaml").write_text("---\n# mine\n")
    commit_all(root, "feat: mine")
    done = run(root, released, "update", "--to", following)
    assert done.returncode == 0, done.stdout + done.stderr
    assert following in (root / ".copier-answers.yml").read_text()
    assert all(text in (root / name).read_text() for name, (_, text) in edits.items())
    assert (root / "kubernetes/apps/default/whoami/app/extra.yaml").read_text() == "---\n# mine\n"
    assert Repository(root, {}).apps


@pytest.mark.parametrize(("version", "following"), STEPS)
def test_a_file_that_moves_or_goes_is_named_in_the_note(version: str, following: str, tmp_path: Path) -> None:
    trees = []
    for name in (version, following):
        (tmp_path / name).mkdir()
        trees.append(tree_of(cluster_of(name, tmp_path / name)))
    gone = [name for name in trees[0].keys() - trees[1].keys() if trees[0][name] is not None]
    note = (releases.NOTES / f"{following}.md").read_text()

    def is_named(name: str) -> bool:
        """Return whether the note names a file, or a folder that went as a whole."""
        return any(known in note for known in (name, *(f"{folder}/ " for folder in Path(name).parents)))

    assert [name for name in gone if not is_named(name)] == []


WORKER = {"name": "k8s-4", "address": "192.168.1.97", "disk": "/dev/sda", "interface": "eno1", "controller": False}


def add_a_worker(root: Path, released: Path, *words: str) -> str:
    """Update a cluster with the answers of one more node, and commit; return what is said before."""
    answers = yaml.safe_load((root / ".copier-answers.yml").read_text())
    file = root.parent / "nodes.yml"
    file.write_text(yaml.safe_dump({"nodes": [*answers["nodes"], WORKER]}))
    done = run(root, released, "update", "--data-file", str(file), *words)
    assert done.returncode == 0, done.stdout + done.stderr
    commit_all(root, "feat: a worker")
    return done.stdout


def runs_apps_on_controllers(root: Path) -> bool:
    return (root / "talos/patches/controller/workloads.yaml").exists()


@needs("copier")
@pytest.mark.parametrize("version", EACH[-1:])
def test_a_first_worker_changes_nothing_about_controllers(version: str, released: Path, tmp_path: Path) -> None:
    root = cluster_of(version, tmp_path)
    said = add_a_worker(root, released, "--to", VERSION)
    assert runs_apps_on_controllers(root)
    assert "nodes that run apps: k8s-1, k8s-2, k8s-3 becomes k8s-1, k8s-2, k8s-3, k8s-4" in said


@needs("copier")
@pytest.mark.parametrize("version", ["v0.4.0"])
def test_controllers_that_ran_no_apps_still_run_none(version: str, released: Path, tmp_path: Path) -> None:
    root = cluster_of(version, tmp_path)
    add_a_worker(root, released)
    assert not runs_apps_on_controllers(root)
    assert run(root, released, "update", "--to", VERSION).returncode == 0
    assert not runs_apps_on_controllers(root)
    assert "controllers_run_apps: false" in (root / ".copier-answers.yml").read_text()
