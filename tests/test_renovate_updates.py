"""The real Renovate follows the template: it finds every place, looks up the next version and updates each alone.

A template with two versions lies on a git host; a cluster was copied from the first one and got a namespace and two
apps by the entries of a clone. Every address is the public one: git alone is told where to find it here.
"""

import itertools
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import githost
from tests.support.needs import needs
from tests.support.render import PROJECT, VERSION, git
from tests.test_update import commit as commit_all
from tests.test_update import replace
from tests.tools import renovate

pytestmark = [needs("renovate", "copier"), pytest.mark.full, pytest.mark.xdist_group("renovate")]

ADDRESS = f"{githost.ADDRESS}/home/copier-talos-flux.git"
ANSWERS = ".copier-answers.yml"
MEDIA = "kubernetes/apps/media"
JELLYFIN = f"{MEDIA}/jellyfin"
WHOAMI = f"{MEDIA}/whoami"
RELEASE = f"{JELLYFIN}/app/helmrelease.yaml"

RELEASE_TEMPLATE = "generators/app/template/app/{% if app_kind == 'app-template' %}helmrelease.yaml{% endif %}.jinja"
NAMESPACE_TEMPLATE = "generators/namespace/template"
# An abbreviated commit that PEP 440 takes for a version.
LIKE_A_VERSION = re.compile(r"\d+[abc]\d+")


class Household:
    """Who has such a cluster: a home folder with a git configuration, a clone of the template, the cluster."""

    def __init__(self, folder: Path, template: Path) -> None:
        self.folder = folder
        self.template = folder / "template"
        self.served = folder / "served"
        self.home = folder / "home"
        self.cluster = folder / "cluster"
        self.publish(template)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_CONFIG")}
        self.environment |= {"HOME": str(self.home)}

    def publish(self, template: Path) -> None:
        """Two versions of the template, and a commit between them that is none."""
        git(template, "clone", "--quiet", str(template), str(self.template))
        git(self.template, "tag", "--delete", VERSION)
        git(self.template, "tag", "v1.0.0")
        replace(
            self.template / RELEASE_TEMPLATE,
            "      automountServiceAccountToken: false\n",
            "      automountServiceAccountToken: false\n      enableServiceLinks: false\n",
        )
        self.commit_with_a_hash_like_a_version()
        for file, old, new in (
            ("namespace.yaml.jinja", "    kustomize", "    example.net/owner: home\n    kustomize"),
            ("kustomization.yaml.jinja", "resources:", "namespace: media\nresources:"),
        ):
            path = self.template / NAMESPACE_TEMPLATE / file
            replace(path, ") }}\n", f") | replace({old!r}, {new!r}) }}}}\n")
        commit_all(self.template, "feat: more of it", "v2.0.0")
        githost.publish(self.template, self.served / "home/copier-talos-flux.git")
        for version in ("v1.36.0", "v1.36.1"):
            git(self.template, "tag", version)
        githost.publish(self.template, self.served / "kubernetes/kubernetes")

    def commit_with_a_hash_like_a_version(self) -> None:
        """Git and Copier say 1a23456, and so would a first alpha version be called."""
        commit_all(self.template, "feat: what the first version has not")
        for attempt in itertools.count():
            if LIKE_A_VERSION.fullmatch(git(self.template, "rev-parse", "HEAD")[:7]):
                return
            git(self.template, "commit", "--quiet", "--amend", "--message", f"feat: what is new {attempt}")

    def move_in(self, redirection: str) -> None:
        """Create the cluster as the documentation has it: copy, then a clone whose entries add to it."""
        (self.home / "bin").mkdir(parents=True)
        shim = self.home / "bin/copier"  # which takes down what Renovate asks of Copier
        shim.write_text(f'#!/bin/sh\necho "$@" >~/called\nexec {shlex.quote(shutil.which("copier") or "")} "$@"\n')
        shim.chmod(0o755)
        (self.home / ".gitconfig").write_text(
            "[user]\nname = Test\nemail = test@example.net\n[init]\ndefaultBranch = main\n[core]\nabbrev = 7\n"
            + redirection
        )
        answers = self.template / "examples/minimal.yaml"
        self.run("copier", "copy", "--defaults", "--data-file", answers, "--vcs-ref", "v1.0.0", ADDRESS, self.cluster)
        self.run("git", "init", "--quiet", cwd=self.cluster)
        commit_all(self.cluster, "feat: the cluster")
        clone = self.clone("v1.0.0")
        self.add(clone, "namespace", MEDIA)
        self.add(clone, "app", JELLYFIN, app_image="ghcr.io/jellyfin/jellyfin", app_tag="10.11.2", app_port=8096)
        self.add(clone, "app", WHOAMI, app_image="ghcr.io/traefik/whoami", app_tag="v1.11.0", app_kind="manifests")
        commit_all(self.cluster, "feat: media")

    def run(self, *command: object, cwd: Path | None = None) -> str:
        done = subprocess.run(
            list(map(str, command)),
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def clone(self, version: str, *options: str) -> Path:
        """Clone the template from its address."""
        target = self.folder / f"clone-{'-'.join([version, *options])}"
        self.run("git", "clone", "--quiet", *options, ADDRESS, target)
        self.run("git", "checkout", "--quiet", version, cwd=target)
        return target

    def add(self, clone: Path, generator: str, place: str, at: Path | None = None, **answers: object) -> str:
        """Run what the documentation says, in the cluster's repository or a copy; return what it prints."""
        given = [argument for name, answer in answers.items() for argument in ("--data", f"{name}={answer}")]
        entry = clone / "generators" / generator
        return self.run("copier", "copy", "--trust", "--defaults", *given, entry, place, cwd=at or self.cluster)


@pytest.fixture(scope="module")
def household(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Household]:
    household = Household(tmp_path_factory.mktemp("household"), template)
    with githost.serving(household.served) as redirection:
        household.move_in(redirection)
        yield household


class Renewal:
    """A copy of the cluster that a test may edit, and what Renovate makes of it."""

    def __init__(self, household: Household, folder: Path) -> None:
        self.household = household
        self.folder = folder
        self.cluster = folder / "cluster"
        self.clone = folder / "clone"
        shutil.copytree(household.cluster, self.cluster, symlinks=True)

    def lookup(self, *managers: str) -> dict[str, dict[str, Any]]:
        """Return the one dependency that Renovate sees in each file."""
        git(self.cluster, "add", "--all")
        (self.folder / "renovate").mkdir()
        found = renovate.lookup(self.cluster, self.folder / "renovate", self.household.home, *managers)
        files = [file for files in found.values() for file in files]
        assert len({file["packageFile"] for file in files}) == len(files)
        return {file["packageFile"]: only(file["deps"]) for file in files}

    def watch_each_place(self) -> None:
        """As update-everything.md says: Renovate's own update of each folder, in place of the template's rules."""
        document = (PROJECT / "docs/how-to/update-everything.md").read_text()
        rule = only(re.findall(r"^```json5\n(.*?)^```", document, re.MULTILINE | re.DOTALL))
        config = self.cluster / ".renovaterc.json5"
        text, count = re.subn(
            r" +\{\n +description: \"The template: .*?enabled: false,\n +\},\n",
            lambda _: f"{rule.rstrip()},\n",
            config.read_text(),
            flags=re.DOTALL,
        )
        assert count == 1
        config.write_text(text)

    def update(self, place: str) -> list[dict[str, Any]]:
        """Let Renovate update one place in its own clone of the cluster."""
        commit_all(self.cluster, "feat: meanwhile")
        git(self.folder, "clone", "--quiet", "--bare", str(self.cluster), "origin.git")
        return renovate.update(
            self.folder / "origin.git", self.clone, self.household.home, f"{place}/{ANSWERS}", "v2.0.0"
        )

    def changes(self) -> list[str]:
        return git(self.clone, "status", "--porcelain", "--untracked-files=all").splitlines()

    def lines_changed(self, path: str) -> list[str]:
        """Return the lines that the update removed from a file and added to it."""
        lines = git(self.clone, "diff", "--unified=0", "--", path).splitlines()
        return [line for line in lines if line[0] in "-+" and not line.startswith(("---", "+++"))]


@pytest.fixture
def renewal(household: Household, tmp_path: Path) -> Renewal:
    return Renewal(household, tmp_path)


def only(items: list[Any]) -> Any:
    assert len(items) == 1
    return items[0]


def recorded(file: Path) -> dict[str, Any]:
    answers: dict[str, Any] = yaml.safe_load(file.read_text())
    return answers


def test_the_root_alone_is_proposed_as_a_branch_for_ci(renewal: Renewal) -> None:
    found = renewal.lookup("copier")
    assert only(found[ANSWERS]["updates"])["branchName"] == "renovate/template"
    assert [name for name, dependency in found.items() if dependency.get("skipReason") != "disabled"] == [ANSWERS]
    assert '      prCreation: "approval",\n' in (renewal.cluster / ".renovaterc.json5").read_text()


def test_every_place_is_found_once_and_its_update_looked_up(renewal: Renewal) -> None:
    renewal.watch_each_place()
    found = renewal.lookup("copier")
    assert sorted(found) == sorted([ANSWERS, f"{MEDIA}/{ANSWERS}", f"{JELLYFIN}/{ANSWERS}", f"{WHOAMI}/{ANSWERS}"])
    for dependency in found.values():
        assert dependency["packageName"] == ADDRESS
        assert dependency["currentValue"] == "v1.0.0"
        update = only(dependency["updates"])
        assert (update["newValue"], update["newVersion"]) == ("v2.0.0", "v2.0.0")
    branches = {only(dependency["updates"])["branchName"] for dependency in found.values()}
    assert len(branches) == len(found)


def test_the_update_of_an_app_keeps_what_its_user_and_renovate_changed(renewal: Renewal) -> None:
    replace(renewal.cluster / RELEASE, 'tag: "10.11.2"', 'tag: "10.11.3"')
    replace(renewal.cluster / RELEASE, "memory: 512Mi", "memory: 2Gi # transcoding")
    before = recorded(renewal.cluster / JELLYFIN / ANSWERS)
    renewal.update(JELLYFIN)
    called = (renewal.household.home / "called").read_text()
    assert called == f"update --skip-answered --defaults --answers-file {ANSWERS} --vcs-ref v2.0.0\n"
    assert renewal.changes() == [f" M {JELLYFIN}/{ANSWERS}", f" M {RELEASE}"]
    assert renewal.lines_changed(RELEASE) == ["+      enableServiceLinks: false"]
    assert recorded(renewal.clone / JELLYFIN / ANSWERS) == before | {"_commit": "v2.0.0"}


def test_the_update_of_a_namespace_keeps_its_registrations(renewal: Renewal) -> None:
    file = renewal.cluster / MEDIA / "namespace.yaml"
    file.write_text(f"{file.read_text()}    example.net/backup: nightly\n")
    registered = (renewal.cluster / MEDIA / "kustomization.yaml").read_text()
    assert [line for line in registered.splitlines() if "ks.yaml" in line] == [
        "  - ./jellyfin/ks.yaml",
        "  - ./whoami/ks.yaml",
    ]
    renewal.update(MEDIA)
    assert renewal.changes() == [f" M {MEDIA}/{file}" for file in (ANSWERS, "kustomization.yaml", "namespace.yaml")]
    assert renewal.lines_changed(f"{MEDIA}/kustomization.yaml") == ["+namespace: media"]
    assert renewal.lines_changed(f"{MEDIA}/namespace.yaml") == ["+    example.net/owner: home"]
    assert renewal.lines_changed(f"{MEDIA}/{ANSWERS}") == ["-_commit: v1.0.0", "+_commit: v2.0.0"]


def test_a_conflict_is_seen_by_git_and_named_by_renovate(renewal: Renewal) -> None:
    mine = "      automountServiceAccountToken: true"
    replace(renewal.cluster / RELEASE, "      automountServiceAccountToken: false", mine)
    results = renewal.update(JELLYFIN)
    problem = only([result["artifactError"] for result in results if "artifactError" in result])
    assert RELEASE in problem["stderr"]
    assert f"UU {RELEASE}" in renewal.changes()
    text = (renewal.clone / RELEASE).read_text()
    assert text.count("<<<<<<<") == 1
    assert mine in text
    assert "      enableServiceLinks: false" in text


def test_a_place_without_a_version_is_left_to_its_user(renewal: Renewal) -> None:
    household = renewal.household
    commit = git(household.template, "rev-parse", "v2.0.0~1").strip()
    described = git(household.template, "describe", "--tags", commit).strip()
    assert LIKE_A_VERSION.fullmatch(commit[:7])
    bare = f"{MEDIA}/bare"
    clone = household.clone(commit, "--no-tags")
    said = household.add(clone, "app", bare, at=renewal.cluster, app_image="ghcr.io/example/app", app_tag="1.0.0")
    assert f"The template's commit {commit} has no version tag: without one Renovate offers no update." in said
    replace(renewal.cluster / WHOAMI / ANSWERS, "_commit: v1.0.0", f"_commit: {described}")
    renewal.watch_each_place()

    found = renewal.lookup("copier")
    for place, value in ((bare, commit), (WHOAMI, described)):
        dependency = found[f"{place}/{ANSWERS}"]
        assert dependency["currentValue"] == value
        assert dependency["skipReason"] == "invalid-value"
        assert dependency["updates"] == []

    commit_all(renewal.cluster, "feat: one more")
    household.run("copier", "update", "--defaults", cwd=renewal.cluster / bare)
    assert recorded(renewal.cluster / bare / ANSWERS)["_commit"] == "v2.0.0"
    assert git(renewal.cluster, "status", "--porcelain").splitlines() == [f" M {bare}/{ANSWERS}"]


def test_no_branch_is_in_the_way_of_another(renewal: Renewal) -> None:
    (renewal.cluster / "kubernetes/version.yaml").write_text(
        "# renovate: datasource=git-tags depName=kubernetes/kubernetes\nversion: v1.36.0\n"
    )
    renewal.watch_each_place()
    keep_only(renewal.cluster, "kubernetes/version.yaml", ".renovaterc.json5", f"{MEDIA}/{ANSWERS}")
    found = renewal.lookup("copier", "custom.regex")
    branches = sorted(only(dependency["updates"])["branchName"] for dependency in found.values())
    assert len(branches) == 2
    assert not [branch for branch in branches for other in branches if branch.startswith(f"{other}/")]


def keep_only(repository: Path, *files: str) -> None:
    """Renovate asks the network about everything else."""
    for name in git(repository, "ls-files", "-z").split("\0")[:-1]:
        if name not in files:
            (repository / name).unlink()
