"""The host's CI opens one pull request with everything that follows the template, on GitHub, Forgejo and GitLab."""

import base64
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import forge
from tests.support.commands import TALOS_FLUX
from tests.support.forge import Forge
from tests.support.needs import needs
from tests.support.render import VERSION, Renderer, commit_all, git
from tests.support.years import MEDIA, NEXT, Years, home_with_apps

pytestmark = [needs("copier"), pytest.mark.full]

JELLYFIN = f"{MEDIA}/jellyfin"
FLUX = {"macros/flux.jinja": ("  retryInterval: 2m", "  retryInterval: 3m")}
BRANCH = "template-update"


class Job:
    """A job of the CI: each run is in a new, shallow clone of the repository."""

    def __init__(self, years: Years, host: Forge) -> None:
        self.years, self.host = years, host
        self.bare = years.folder / "served" / f"{forge.REPOSITORY}.git"

    def publish(self) -> None:
        """Create the repository on the host as it is at the start."""
        git(self.years.root, "clone", "--quiet", "--bare", str(self.years.root), str(self.bare))
        git(self.bare, "config", "http.receivepack", "true")

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        clone = self.years.folder / "clone"
        shutil.rmtree(clone, ignore_errors=True)
        git(self.years.folder, "clone", "--quiet", "--depth=1", "--branch=main", self.bare.as_uri(), str(clone))
        return subprocess.run(
            [*TALOS_FLUX, "propose", "--base=main", *words],
            cwd=clone,
            env=self.years.environment | self.host.environment | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def proposes(self) -> str:
        done = self.run()
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def pushes(self) -> int:
        return sum(path.endswith("git-receive-pack") for method, path, _ in self.host.seen if method == "POST")

    @property
    def proposed(self) -> str:
        """The files that the branch changes."""
        return git(self.bare, "diff", "--name-only", "main", BRANCH)


@pytest.fixture(scope="module")
def _home(template: Path, render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("proposals") / "home"
    return home_with_apps(root, render({}), template, [JELLYFIN]).root


@pytest.fixture(params=["github", "forgejo", "gitlab"])
def job(request: pytest.FixtureRequest, _home: Path, template: Path, tmp_path: Path) -> Iterator[Job]:
    years = Years(tmp_path, _home, template)
    with forge.serving(tmp_path / "served", request.param) as host:
        job = Job(years, host)
        job.publish()
        yield job


@pytest.mark.witness
def test_one_pull_request_holds_everything(job: Job) -> None:
    job.years.released(f"docs/releases/{NEXT}.md", "# v999.1.0: patience\n\nFlux tries again later.\n")
    job.years.release(NEXT, FLUX)
    job.proposes()
    (request,) = job.host.requests
    assert request["title"] == f"feat(template): follow {NEXT}"
    text = request.get("body") or request["description"]
    assert "### v999.1.0: patience\n\nFlux tries again later.\n" in text
    assert f"| {JELLYFIN} | {VERSION} | `{JELLYFIN}/ks.yaml` |\n" in text
    assert {request.get("head") or request["source_branch"], request.get("base") or request["target_branch"]} == {
        BRANCH,
        "main",
    }
    assert f"{JELLYFIN}/ks.yaml\n" in job.proposed
    assert git(job.bare, "log", "-1", "--format=%s %an", BRANCH) == f"feat(template): follow {NEXT} template update\n"


def test_the_next_release_renews_the_same_one_and_the_same_release_pushes_nothing(job: Job) -> None:
    job.years.release(NEXT, FLUX)
    job.proposes()
    job.proposes()
    assert job.pushes() == 1
    job.years.release("v999.2.0", {"macros/flux.jinja": ("  prune: true", "  force: false\n  prune: true")})
    job.proposes()
    assert job.pushes() == 2
    assert [request["title"] for request in job.host.requests] == ["feat(template): follow v999.2.0"]
    assert git(job.bare, "rev-list", "--count", f"main..{BRANCH}").strip() == "1"


def test_pull_requests_of_other_branches_and_of_forks_are_left_alone(job: Job) -> None:
    job.years.release(NEXT, FLUX)
    source, target = ("source_branch", "target_branch") if job.host.kind == "gitlab" else ("head", "base")
    others = [{source: "mine", target: "main"}, {source: BRANCH, target: "next"}]
    if job.host.kind != "gitlab":
        others.append({"head": BRANCH, "base": "main", "from": "somebody/cluster"})
    theirs = [{**each, "title": "mine", "number": number, "iid": number} for number, each in enumerate(others, 1)]
    job.host.requests += theirs if job.host.kind == "forgejo" else theirs[:2]
    kept = [dict(each) for each in job.host.requests]
    job.proposes()
    job.years.release("v999.2.0", {"macros/flux.jinja": ("  prune: true", "  force: false\n  prune: true")})
    job.proposes()
    assert job.host.requests[: len(kept)] == kept
    assert [each["title"] for each in job.host.requests[len(kept) :]] == ["feat(template): follow v999.2.0"]


def test_with_nothing_to_follow_nothing_is_opened(job: Job) -> None:
    assert "follows the template" in job.proposes()
    assert job.host.requests == [] and job.host.seen == []


def test_a_conflict_fails_visibly_and_pushes_nothing(job: Job) -> None:
    job.years.edit(f"{JELLYFIN}/ks.yaml", "retryInterval: 2m", "retryInterval: 7m")
    job.years.commit()
    git(job.years.root, "push", "--quiet", str(job.bare), "main")
    job.years.release(NEXT, FLUX)
    summary = job.years.folder / "summary.md"
    done = job.run(GITHUB_STEP_SUMMARY=str(summary))
    assert done.returncode == 2
    assert f"warning: {JELLYFIN}/ks.yaml: you and the template changed the same lines." in done.stderr
    assert f"`task update TO={NEXT}` on your own computer" in done.stderr
    if job.host.kind in forge.LIKE_GITHUB:
        assert f"::error file={JELLYFIN}/ks.yaml::you and the template changed the same lines" in done.stdout
    assert f"- **To decide**: `{JELLYFIN}/ks.yaml`" in summary.read_text()
    assert job.host.requests == [] and job.pushes() == 0


def test_somebody_elses_commit_on_the_branch_is_left_there(job: Job) -> None:
    job.years.release(NEXT, FLUX)
    job.proposes()
    theirs = job.years.folder / "theirs"
    git(job.years.folder, "clone", "--quiet", f"--branch={BRANCH}", str(job.bare), str(theirs))
    (theirs / "mine.txt").write_text("mine\n")
    commit_all(theirs, "feat: mine")
    git(theirs, "push", "--quiet")
    job.years.release("v999.2.0")
    done = job.run()
    assert done.returncode == 1
    assert f"the branch {BRANCH} has somebody else's commits: merge them, or delete the branch." in done.stderr
    assert "mine.txt" in job.proposed


def test_the_token_is_only_shown_to_the_host(job: Job) -> None:
    job.years.release(NEXT, FLUX)
    said = job.run()
    assert forge.TOKEN not in said.stdout + said.stderr
    user = "x-access-token" if job.host.kind in forge.LIKE_GITHUB else "oauth2"
    key = "Basic " + base64.b64encode(f"{user}:{forge.TOKEN}".encode()).decode()
    for _, path, headers in job.host.seen:
        if not path.startswith("/api"):
            assert headers["Authorization"] == key
        elif job.host.kind in forge.LIKE_GITHUB:
            assert headers["Authorization"] == f"Bearer {forge.TOKEN}"
        else:
            assert headers["Private-Token"] == forge.TOKEN
    kept = [path for path in (job.years.folder / "clone").rglob("*") if path.is_file()]
    assert not [path for path in kept if forge.TOKEN.encode() in path.read_bytes() or key.encode() in path.read_bytes()]


def test_a_refusal_of_the_host_is_passed_on(job: Job) -> None:
    job.years.release(NEXT, FLUX)
    job.host.refusal = "GitHub Actions is not permitted to create or approve pull requests."
    done = job.run()
    assert done.returncode == 1
    assert done.stderr.endswith(
        "refused with 403: GitHub Actions is not permitted to create or approve pull requests.\n"
    )
    job.host.refusal = ""
    job.proposes()
    assert len(job.host.requests) == 1


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"UPDATE_TOKEN": ""}, "UPDATE_TOKEN is empty: docs/runbooks/upgrade.md says which token the update needs"),
        ({"GITHUB_ACTIONS": "", "GITLAB_CI": ""}, "a pull request is opened by the CI of GitHub, Forgejo"),
        ({"GITHUB_API_URL": "http://127.0.0.1:1", "CI_API_V4_URL": "http://127.0.0.1:1"}, "can't be asked: "),
    ],
)
def test_what_is_missing_is_named(given: dict[str, str], reason: str, job: Job) -> None:
    job.years.release(NEXT, FLUX)
    done = job.run(**given)
    assert done.returncode == 1
    assert reason in done.stderr and "Traceback" not in done.stderr
