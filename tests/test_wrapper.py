"""scripts/talos-flux of a cluster runs the tools of the version that the cluster follows, from where it follows it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.support import githost, ssh
from tests.support.render import PROJECT, VERSION, Renderer, commit_all, files_in, git

NOTHING = "Nothing found in "


class Cluster:
    """A cluster that follows a bare repository, on a machine that has never run its tools."""

    def __init__(self, folder: Path, rendered: Path, template: Path) -> None:
        self.root, self.cache, self.bare = folder / "cluster", folder / "cache", folder / "served/template.git"
        shutil.copytree(rendered, self.root)
        git(folder, "clone", "--quiet", "--bare", str(template), str(self.bare))
        self.follow(_src_path=str(self.bare))
        self.environment = {name: value for name, value in os.environ.items() if name != "TALOS_FLUX"}
        self.environment |= {"XDG_CACHE_HOME": str(self.cache), "NO_COLOR": "1"}

    def follow(self, **recorded: str) -> None:
        """Let .copier-answers.yml say so."""
        answers = self.root / ".copier-answers.yml"
        answers.write_text(yaml.safe_dump(yaml.safe_load(answers.read_text()) | recorded))

    @property
    def commit(self) -> str:
        commit: str = yaml.safe_load((self.root / ".copier-answers.yml").read_text())["_commit_id"]
        return commit

    def has_packages(self) -> None:
        """Install the packages of the tools: link this project's, which have the same versions."""
        lock = (PROJECT / "src/talos_flux/requirements.txt").read_bytes()
        name = subprocess.run(["cksum"], input=lock, capture_output=True, check=True).stdout.decode()
        (self.cache / "copier-talos-flux").mkdir(parents=True)
        environment = self.cache / "copier-talos-flux" / f"python-{name.strip().replace(' ', '')}"
        environment.symlink_to(Path(sys.prefix))

    def start(self, *words: str, **environment: str) -> subprocess.Popen[str]:
        """scripts/talos-flux, as a person starts it in another folder."""
        return subprocess.Popen(
            [self.root / "scripts/talos-flux", *words],
            cwd=self.cache.parent,
            env=self.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(self, *words: str, **environment: str) -> tuple[int, str, str]:
        """Return the exit code and what it says."""
        process = self.start(*words, **environment)
        said, complained = process.communicate(timeout=300)
        return process.returncode, said, complained

    def checks(self, **environment: str) -> str:
        """`talos-flux check` finds nothing; returns what else was said."""
        code, said, complained = self.run("check", **environment)
        assert (code, said.startswith(NOTHING)) == (0, True), said + complained
        return complained

    def refuses(self, **environment: str) -> str:
        """Check that it does not run and leaves nothing half done; return the one sentence."""
        code, said, complained = self.run("check", **environment)
        assert (code, said) == (1, ""), said
        *progress, sentence = complained.splitlines()
        assert all(line.startswith("Fetching the tools of ") for line in progress), complained
        assert list(self.kept()) == []
        return sentence.removeprefix("error: ")

    def kept(self) -> Iterator[str]:
        """Yield what the cache has besides the packages."""
        for path in (self.cache / "copier-talos-flux").iterdir():
            if not path.name.startswith("python-"):
                yield path.name


pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path: Path, render: Renderer, template: Path) -> Cluster:
    made = Cluster(tmp_path, render({}), template)
    made.has_packages()
    return made


def test_it_is_fetched_once_and_needs_nobody_afterwards(cluster: Cluster) -> None:
    assert cluster.checks() == f"Fetching the tools of {VERSION} from {cluster.bare}\n"
    assert list(cluster.kept()) == [cluster.commit]
    shutil.rmtree(cluster.bare)
    assert cluster.checks() == ""


def test_from_a_host_over_http(cluster: Cluster, tmp_path: Path) -> None:
    with githost.serving(cluster.bare.parent) as configuration:
        (tmp_path / "gitconfig").write_text(configuration)
        cluster.follow(_src_path=f"{githost.ADDRESS}/template.git")
        cluster.checks(GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))


def test_from_a_host_over_ssh(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "ssh").mkdir()
    with ssh.serving(cluster.bare.parent, tmp_path / "ssh") as server:
        cluster.follow(_src_path=server.address("template.git"))
        cluster.checks(GIT_SSH_COMMAND=server.command)


def test_in_a_hook_of_a_commit(cluster: Cluster) -> None:
    git(cluster.root, "init", "--quiet")
    cluster.checks(GIT_DIR=".git", GIT_INDEX_FILE=str(cluster.root / ".git/index.lock"), GIT_PREFIX="")
    assert git(cluster.root, "status", "--porcelain").startswith("??")


def test_with_settings_of_git_in_the_environment_as_ci_has_them(cluster: Cluster) -> None:
    cluster.follow(_src_path="https://git.example.net/template")
    settings = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.{cluster.bare}.insteadOf"}
    cluster.checks(**settings, GIT_CONFIG_VALUE_0="https://git.example.net/template")


def test_a_tag_that_was_moved_is_refused(cluster: Cluster, template: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(template), str(tmp_path / "changed"))
    (tmp_path / "changed/src/talos_flux/__main__.py").write_text("print('evil')\n")
    commit_all(tmp_path / "changed", "feat: something else")
    git(tmp_path / "changed", "push", "--quiet", "--force", str(cluster.bare), f"HEAD:refs/tags/{VERSION}")
    moved = git(tmp_path / "changed", "rev-parse", "HEAD").strip()
    assert cluster.refuses() == (
        f"{VERSION} at {cluster.bare} is {moved}, and .copier-answers.yml records {cluster.commit}: the tag was moved."
    )


def test_a_commit_that_is_not_there_is_refused(cluster: Cluster) -> None:
    cluster.follow(_commit="v998.0.0-1-g0123456", _commit_id="0123456" * 5 + "01234")
    assert cluster.refuses() == (
        f"{cluster.bare} has no commit {cluster.commit}, which .copier-answers.yml records. "
        "TALOS_FLUX=<its checkout> runs the tools there."
    )


def test_an_address_that_does_not_answer_is_named(cluster: Cluster) -> None:
    cluster.follow(_src_path="http://127.0.0.1:9/template.git")
    assert cluster.refuses(no_proxy="127.0.0.1").startswith("http://127.0.0.1:9/template.git can't be fetched: ")


def test_two_first_runs_at_once_both_run(cluster: Cluster) -> None:
    runs = [cluster.start("check") for _ in range(2)]
    for process in runs:
        said, complained = process.communicate(timeout=300)
        assert said.startswith(NOTHING), complained
    assert list(cluster.kept()) == [cluster.commit]


def test_a_first_run_that_is_killed_is_no_harm(cluster: Cluster, tmp_path: Path) -> None:
    slow, mark = tmp_path / "slow", tmp_path / "cloned"
    slow.mkdir()
    real = shutil.which("git")
    (slow / "git").write_text(f'#!/bin/sh\n"{real}" "$@"\n[ "$1" != clone ] || {{ touch "{mark}"; sleep 60; }}\n')
    (slow / "git").chmod(0o755)
    process = cluster.start("check", PATH=f"{slow}{os.pathsep}{os.environ['PATH']}")
    while not mark.exists():
        assert process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    cluster.checks()


def test_another_checkout_runs_when_it_is_asked_for(cluster: Cluster) -> None:
    shutil.rmtree(cluster.bare)
    assert cluster.checks(TALOS_FLUX=str(PROJECT)) == ""
    assert list(cluster.kept()) == []


def test_tools_that_are_kept_in_the_repository_go_before(cluster: Cluster) -> None:
    assert cluster.run("tools", "vendor")[0] == 0
    shutil.rmtree(cluster.bare)
    shutil.rmtree(cluster.cache / "copier-talos-flux" / cluster.commit)
    assert cluster.checks() == ""
    assert cluster.run("tools", "vendor", "--remove")[0] == 0
    assert not (cluster.root / "scripts/talos_flux").exists()


def test_an_update_runs_with_the_tools_of_the_version_that_it_leads_to(
    cluster: Cluster, template: Path, tmp_path: Path
) -> None:
    newer = tmp_path / "newer"
    git(tmp_path, "clone", "--quiet", str(template), str(newer))
    command = newer / "src/talos_flux/cli/update.py"
    command.write_text(
        command.read_text().replace("    refuse_anything", '    print("mended")\n    refuse_anything', 1)
    )
    # Its copier.yml has what only its own tools can render.
    render = newer / "src/talos_flux/template/render.py"
    render.write_text(render.read_text().replace(', "skip_if_exists")', ")"))
    with (newer / "copier.yml").open("a") as settings:
        settings.write("\n---\n_skip_if_exists: [nowhere]\n")
    commit_all(newer, "fix: an update that was broken")
    git(newer, "tag", "v1000.0.0")
    git(newer, "push", "--quiet", str(cluster.bare), "v1000.0.0")
    git(cluster.root, "init", "--quiet")
    commit_all(cluster.root, "feat: the cluster")
    code, said, complained = cluster.run("update", "--check")
    assert (code, said.count("mended")) == (2, 1), said + complained
    code, said, complained = cluster.run("update")
    assert (code, said.count("mended")) == (0, 1), said + complained
    assert cluster.commit == git(newer, "rev-parse", "HEAD").strip()
    assert "Fetching the tools of v1000.0.0" in cluster.run("update", "--undo")[2]
    assert git(cluster.root, "status", "--porcelain") == ""


def test_the_names_of_old_run_the_same(cluster: Cluster) -> None:
    for name in ("check-flux-config", "validate-manifests", "k8s-health-check", "flux-deployment-check"):
        words = [str(cluster.root / f"scripts/{name}.py"), "--no-such-flag"]
        done = subprocess.run(words, env=cluster.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 3
        assert "no such option" in done.stderr


@pytest.mark.full
def test_the_packages_are_those_that_the_lock_names(tmp_path: Path, render: Renderer, template: Path) -> None:
    cluster = Cluster(tmp_path, render({}), template)
    packages = subprocess.check_output(["uv", "cache", "dir"], text=True).strip()
    lines = cluster.checks(UV_CACHE_DIR=packages).splitlines()
    assert lines[1:] == ["Installing the packages of the tools, once"]
    (environment,) = (cluster.cache / "copier-talos-flux").glob("python-*/")
    code = "import importlib.metadata as m; print(*(f'{d.name}=={d.version}' for d in m.distributions()))"
    said = subprocess.check_output([environment / "bin/python", "-c", code], text=True)
    installed = said.lower().replace("_", "-").split()
    lock = (PROJECT / "src/talos_flux/requirements.txt").read_text()
    assert installed and all(f"{package} " in lock for package in installed)
    assert cluster.checks(PATH="/usr/bin:/bin", UV_OFFLINE="1") == ""


def test_a_cluster_carries_little(render: Renderer) -> None:
    anton = render({})
    files = files_in(anton)
    assert len(files) <= 200
    assert sum(len((anton / path).read_text().splitlines()) for path in files if path.parts[0] == "scripts") <= 150
    assert len((anton / "scripts/talos-flux").read_text().splitlines()) <= 30
    assert [path for path in files if path.suffix == ".py" and path.parts[0] != "scripts"] == []
