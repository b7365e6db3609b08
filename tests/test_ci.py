"""A cluster's repository is checked by its commit hook and its host's CI, with one command."""

import base64
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import forge
from tests.support.cases import EXAMPLES
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.render import Renderer, commit_all, git
from tests.support.repository import Repository
from tests.tools.records import git_hosts

PIPELINES = git_hosts.pipelines()
FILES = {each.name: each.files for each in git_hosts.hosts() if each.ci}
AGE_KEY = "AGE-SECRET-KEY-1" + "Q" * 58
PRIVATE_KEY = "-----BEGIN EC " + "PRIVATE KEY-----\nMHcCAQEEIB\n-----END EC " + "PRIVATE KEY-----\n"
CLEAR = "---\napiVersion: v1\nkind: Secret\nmetadata:\n  name: bad\n"
ENCRYPTED = (
    CLEAR + "stringData:\n  a: ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]\nsops:\n  mac: ENC[AES256_GCM,data:x]\n"
)
KUSTOMIZATION = """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
spec:
  dependsOn:
    - name: {other}
"""


def workflow(file: Path) -> dict[str, Any]:
    # YAML 1.1 reads the key `on` as a boolean, the hosts do not.
    text = file.read_text().replace("\non:", '\n"on":', 1)
    parsed: dict[str, Any] = yaml.safe_load(text)
    return parsed


def tools(root: Path) -> dict[str, str]:
    versions: dict[str, str] = tomllib.loads((root / ".mise.toml").read_text())["tools"]
    return versions


def validate(root: Path, *words: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run what `task validate` runs, with this Python instead of uv's."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [*TALOS_FLUX, "validate", *words],
        cwd=root,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def committed(source: Path, root: Path) -> Path:
    """Make a copy of a rendered cluster and commit it."""
    shutil.copytree(source, root)
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "feat: mine"], cwd=root, check=True)
    return root


@pytest.fixture
def mine(render: Renderer, tmp_path: Path) -> Path:
    """Provide a cluster that the test may change."""
    return committed(render(EXAMPLES["minimal"]), tmp_path / "cluster")


# --- CI ---


@pytest.mark.parametrize("ci", [*FILES, "none"])
def test_only_the_chosen_host_is_set_up(render: Renderer, ci: str) -> None:
    root = render({**EXAMPLES["minimal"], "ci": ci})
    assert {name for names in FILES.values() for name in names if (root / name).exists()} == FILES.get(ci, set())
    assert ci == "none" or FILES[ci]


@pytest.mark.parametrize("ci", FILES)
def test_the_branch_that_renovate_makes_starts_the_update(render: Renderer, ci: str) -> None:
    root = render({**EXAMPLES["minimal"], "ci": ci})
    topic = re.search(r'matchManagers: \["copier"\],\n +branchTopic: "(.+)"', (root / ".renovaterc.json5").read_text())
    [file] = [name for name in FILES[ci] if "update:propose" in (root / name).read_text()]
    assert topic
    if "/workflows/" in file:
        assert workflow(root / file)["on"]["push"]["branches"] == [f"renovate/{topic[1]}"]
    else:
        assert f'- if: $CI_COMMIT_BRANCH == "renovate/{topic[1]}"\n' in (root / file).read_text()


@pytest.mark.parametrize(
    ("ci", "judge"),
    [
        pytest.param(name, judge, marks=needs(judge.split()[0]))
        for name, each in PIPELINES.items()
        for judge in each.judges
    ],
)
@pytest.mark.parametrize("answer", ["none", "minor"])
def test_the_rules_of_the_host_accept_its_files(
    render: Renderer, tmp_path: Path, ci: str, judge: str, answer: str
) -> None:
    root = render({**EXAMPLES["minimal"], "ci": ci, "renovate_automerge": answer})

    def judged(file: Path) -> tuple[int, str]:
        done = subprocess.run([*judge.split(), file], cwd=root, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    for name in FILES[ci]:
        assert judged(root / name) == (0, "")
        wrong = tmp_path / "wrong.yaml"
        wrong.write_text(re.sub(r"(?m)^( +)(steps|script):", r"\1\2_:", (root / name).read_text()))
        assert judged(wrong)[0] == 1


def scripts_that_check_out(root: Path, ci: str) -> list[tuple[dict[str, str], str]]:
    """Return the environment and the script of each job that checks out by itself, without an action for it."""
    files = [workflow(root / name) for name in FILES[ci] if "/workflows/" in name]
    jobs = [job for file in files for job in file["jobs"].values()]
    return [
        (job.get("env", {}), step["run"])
        for job in jobs
        for step in job["steps"]
        if step["name"] == "Check out" and "run" in step
    ]


@pytest.mark.parametrize("ci", FILES)
def test_a_job_checks_out_what_it_is_about_and_keeps_no_token(render: Renderer, mine: Path, ci: str) -> None:
    folder = mine.parent
    bare = folder / "served" / f"{forge.REPOSITORY}.git"
    git(folder, "clone", "--quiet", "--bare", str(mine), str(bare))
    base = git(bare, "rev-parse", "HEAD").strip()
    (mine / "notes.md").write_text("proposed\n")
    commit_all(mine, "feat: proposed")
    git(mine, "push", "--quiet", str(bare), f"HEAD:refs/pull/{forge.NUMBER}/head")
    for number, (environment, script) in enumerate(
        scripts_that_check_out(render(EXAMPLES["minimal"] | {"ci": ci}), ci)
    ):
        with forge.serving(folder / "served", "forgejo") as host:
            host.is_private = True
            given = host.environment | {"GITHUB_BASE_REF": "main", "GITHUB_TOKEN": forge.TOKEN} | environment
            (job := folder / f"job-{number}").mkdir()
            subprocess.run(["bash", "-e", "-c", script], cwd=job, env=os.environ | given, check=True)
            sent = {headers.get("Authorization") for _, _, headers in host.seen} - {None}
        assert sent == {"Basic " + base64.b64encode(f"x:{forge.TOKEN}".encode()).decode()}
        assert (job / "notes.md").exists() == ("BASE" not in environment)
        assert forge.TOKEN not in (job / ".git/config").read_text()
        if "GITHUB_BASE_REF" in script:
            assert git(job, "merge-base", "origin/main", "HEAD").strip() == base


def test_the_workflow_may_read_and_nothing_else(render: Renderer) -> None:
    job = workflow(render({**EXAMPLES["minimal"], "ci": "github"}) / ".github/workflows/validate.yaml")
    assert job["permissions"] == {}
    assert job["jobs"]["validate"]["permissions"] == {"contents": "read"}
    assert job["jobs"]["validate"]["steps"][0]["with"]["persist-credentials"] is False
    assert job["jobs"]["validate"]["timeout-minutes"] <= 15
    assert job["concurrency"]["cancel-in-progress"] is True
    assert list(job["on"]) == ["pull_request"]


def test_actions_are_pinned_by_commit_with_their_version_beside_it(render: Renderer) -> None:
    text = (render({**EXAMPLES["minimal"], "ci": "github"}) / ".github/workflows/validate.yaml").read_text()
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [line for line in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line)] == []


@pytest.mark.parametrize("ci", FILES)
def test_images_are_pinned_exactly(render: Renderer, ci: str) -> None:
    root = render({**EXAMPLES["minimal"], "ci": ci})
    lines = [line.strip() for name in FILES[ci] for line in (root / name).read_text().splitlines()]
    images = {line for line in lines if re.match(r"(image|name): \S+/", line)}
    assert images == {line for line in images if re.search(r":\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?$", line)}
    assert images or any("uses:" in line for line in lines)


# Where the host shows findings at their lines, they are written for that.
SHOWN = {
    "github": "task validate -- --format=github",
    "gitlab": "task validate -- --report=gl-code-quality-report.json",
}


@pytest.mark.parametrize("ci", FILES)
def test_ci_and_the_hook_run_the_same_command_with_pinned_tools(render: Renderer, ci: str) -> None:
    root = render({**EXAMPLES["minimal"], "ci": ci})
    hook = yaml.safe_load((root / "lefthook.yaml").read_text())["pre-commit"]["jobs"]
    assert [job["run"] for job in hook] == ["task validate -- --offline"]  # a commit waits for no registry
    text = "".join((root / name).read_text() for name in FILES[ci])
    assert re.search(rf"{SHOWN.get(ci, 'task validate')}$", text, re.MULTILINE)
    enabled = re.findall(r"MISE_ENABLE_TOOLS: (.*)", text)
    assert len(enabled) == 3 and {tool for tools in enabled for tool in tools.split(",")} <= tools(root).keys()


def test_tools_are_pinned_exactly_and_agree_with_the_cluster(example: Repository) -> None:
    versions = tools(example.root)
    assert [v for v in versions.values() if not re.fullmatch(r"\d+\.\d+\.\d+", v)] == []
    talos = yaml.safe_load(example.text("talos/versions.yaml"))
    assert f"v{versions['talosctl']}" == talos["talosVersion"]
    assert f"v{versions['kubectl']}" == talos["kubernetesVersion"]


# --- task validate ---


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
@pytest.mark.witness
def test_a_new_cluster_passes(mine: Path) -> None:
    done = validate(mine)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


# A file, what stands in it, and what is said about it.
BAD = {
    "a Secret in clear": ("kubernetes/clear.yaml", CLEAR + "stringData:\n  a: hunter2\n", "the value of a in"),
    "a Secret in base64": ("kubernetes/base64.yaml", CLEAR + "data:\n  a: aHVudGVyMg==\n", "the value of a in"),
    "a Secret in a list": (
        "kubernetes/list.yaml",
        "---\napiVersion: v1\nkind: List\nitems:\n  - kind: Secret\n    data:\n      a: aHVudGVyMg==\n",
        "the value of a in",
    ),
    "half a Secret encrypted": (
        "kubernetes/half.sops.yaml",
        ENCRYPTED.replace("sops:", "  b: hunter2\nsops:"),
        "the value of b in",
    ),
    "a template with a value": (
        "bootstrap/x.yaml.tpl",
        CLEAR + "stringData:\n  a: {{ hunter2 }}\n",
        "the value of a in",
    ),
    "a generator of Secrets": (
        "kubernetes/generator.yaml",
        "---\nsecretGenerator:\n  - name: bad\n    literals:\n      - a=hunter2\n",
        "secretGenerator",
    ),
    "a Secret in no YAML": ("kubernetes/broken.yaml.tpl", CLEAR + "data: [\n", "can't be checked"),
    "a file that only says it is encrypted": ("talos/x.sops.yaml", "---\na: b\n", "is not encrypted"),
    "a Secret in JSON": (
        "kubernetes/x.json",
        '{"apiVersion": "v1", "kind": "Secret", "stringData": {"a": "hunter2"}}\n',
        "the value of a in",
    ),
    "credentials of Connect": ("op.json", '{"verifier": {}, "encCredentials": {"data": "x"}}\n', "Connect credentials"),
    "a Secret of an app that is gone": (
        "kubernetes/apps/gone/app/gone.sops.yaml",
        ENCRYPTED,
        "is encrypted, and does not decrypt",
    ),
    "a Secret that nothing lists": (
        "kubernetes/apps/default/echo/app/echo.sops.yaml",
        ENCRYPTED,
        "is in no list: kubernetes/apps/default/echo/app/kustomization.yaml does not name echo.sops.yaml",
    ),
    "an age key": ("docs/age.md", f"The key is {AGE_KEY}\n", "an age secret key"),
    "a private key": ("x.pem", PRIVATE_KEY, "a private key"),
    "a private key in base64": (
        "kubeconfig.yaml",
        f"---\nclient-key-data: {base64.b64encode(PRIVATE_KEY.encode()).decode()}\n",
        "a private key, in base64",
    ),
    "a conflict": (
        "docs/merge.md",
        "<<<<<<< before updating\na\n=======\nb\n>>>>>>> after updating\n",
        "conflict marker",
    ),
    "a rejected change": ("README.md.rej", "@@ -1 +1 @@\n", "left over from a merge"),
    "a key that stands twice": ("kubernetes/twice.yaml", "---\na: 1\na: 2\n", "duplication of key"),
    "an app that nothing lists": (
        "kubernetes/apps/default/lost/ks.yaml",
        KUSTOMIZATION.format(name="lost", other="echo"),
        "is applied by nobody",
    ),
    "an app that waits for nobody": (
        "kubernetes/waiting.yaml",
        KUSTOMIZATION.format(name="waiting", other="nobody"),
        "is applied by nobody",
    ),
    "a kustomization without its file": (
        "kubernetes/x/kustomization.yaml",
        "---\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - ./gone.yaml\n",
        "gone.yaml",
    ),
}
GOOD = {
    "an encrypted Secret": ("bootstrap/good.sops.yaml", ENCRYPTED),
    "a reference to 1Password": ("bootstrap/good.yaml.tpl", CLEAR + "stringData:\n  a: {{ op://Homelab/x/y }}\n"),
    "a variable of Flux": ("kubernetes/variable.yaml", CLEAR + "stringData:\n  a: ${PASSWORD}\n"),
    "an empty Secret": ("kubernetes/empty.yaml", CLEAR + 'stringData:\n  a: ""\n'),
    "a public certificate": ("docs/good.md", f"{base64.b64encode(b'-----BEGIN CERTIFICATE-----' * 4).decode()}\n"),
    "an ignored private file": ("age.key", AGE_KEY),
}


@pytest.fixture(scope="module")
def findings(render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Provide what is reported about a cluster with all of them in it."""
    root = committed(render(EXAMPLES["minimal"]), tmp_path_factory.mktemp("findings") / "cluster")
    for name, content, *_ in [*BAD.values(), *GOOD.values()]:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    done = validate(root)
    assert done.returncode == 2, done.stderr
    return done.stdout.partition("\n\n")[0].splitlines()


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
@pytest.mark.parametrize("case", BAD)
@pytest.mark.witness
def test_what_must_not_be_committed_is_refused_with_its_place(findings: list[str], case: str) -> None:
    name, _, reason = BAD[case]
    assert any(line.startswith(f"{name}:") and reason in line for line in findings), "\n".join(findings)


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
@pytest.mark.parametrize("case", GOOD)
@pytest.mark.witness
def test_what_is_no_secret_passes(findings: list[str], case: str) -> None:
    assert [line for line in findings if line.startswith(f"{GOOD[case][0]}:")] == []


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_nothing_else_is_found_and_no_secret_is_repeated(findings: list[str]) -> None:
    names = {name for name, *_ in BAD.values()}
    assert [line for line in findings if line.partition(":")[0] not in names] == []
    assert not [line for line in findings if "hunter2" in line or AGE_KEY in line]


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_an_app_that_is_commented_out_is_meant_to_be(mine: Path) -> None:
    listing = mine / "kubernetes/apps/default/kustomization.yaml"
    listing.write_text(listing.read_text().replace("  - ./echo/ks.yaml", "  # - ./echo/ks.yaml"))
    done = validate(mine)
    assert done.returncode == 0, done.stdout


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_a_staged_secret_is_found_although_the_work_tree_is_clean(mine: Path) -> None:
    file = mine / "docs" / "x.md"
    file.write_text(f"{AGE_KEY}\n")
    subprocess.run(["git", "add", "docs/x.md"], cwd=mine, check=True)
    file.write_text("Nothing here.\n")
    finds_the_key_in(mine)
    file.unlink()
    finds_the_key_in(mine)


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
@pytest.mark.witness
def test_a_private_file_that_was_added_by_force_is_found(mine: Path) -> None:
    private = (
        "age.key", "kubeconfig", "talosconfig", "talos/clusterconfig/k8s-1.yaml", "talos/secrets.yaml", ".env",
        "snapshots/anton.etcd", "x.agekey", "deploy.key", "github-token.txt", "1password-credentials.json",
    )  # fmt: skip
    for name in private:
        (mine / name).parent.mkdir(parents=True, exist_ok=True)
        (mine / name).write_text("---\na: b\n")
        git(mine, "add", "--force", name)
    done = validate(mine)
    assert done.returncode == 2
    for name in private:
        assert f"{name}:1: is tracked, and .gitignore keeps it out of git: `git rm --cached {name}`" in done.stdout


def finds_the_key_in(mine: Path) -> None:
    """Check that the staged file is named, whatever the work tree holds."""
    done = validate(mine)
    assert done.returncode == 2
    assert done.stdout.startswith("docs/x.md:1: an age secret key")
    assert AGE_KEY not in done.stdout


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_a_staged_file_that_only_says_it_is_encrypted_is_found(mine: Path) -> None:
    file = mine / "talos" / "x.sops.yaml"
    file.write_text("---\na: b\n")
    git(mine, "add", "talos/x.sops.yaml")
    file.write_text("---\na: ENC[AES256_GCM,data:x]\nsops:\n  mac: ENC[AES256_GCM,data:x]\n")
    done = validate(mine)
    assert done.returncode == 2
    assert done.stdout.startswith("talos/x.sops.yaml:1: ") and "[secret-not-encrypted]" in done.stdout


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_with_changed_only_what_differs_from_the_last_commit_is_shown(mine: Path) -> None:
    before, now = (f"kubernetes/apps/{app}/ks.yaml" for app in ("default/echo", "kube-system/cilium"))
    without_timeout(mine / before)
    git(mine, "commit", "--quiet", "--all", "--no-verify", "--message", "test")
    without_timeout(mine / now)
    new = mine / "kubernetes/apps/default/echo/app/new.yaml"
    new.write_text("---\n}\n")
    every, changed = (
        [one for one in json.loads(validate(mine, "--json", *words).stdout) if one["severity"] != "unjudged"]
        for words in ((), ("--changed",))
    )
    assert {(one["rule"], one["path"]) for one in every if one["rule"] == "no-timeout"} == {
        ("no-timeout", before),
        ("no-timeout", now),
    }
    assert {one["path"] for one in changed} == {now, str(new.relative_to(mine))}
    assert [one for one in every if one["path"] != before] == changed


def without_timeout(ks: Path) -> None:
    ks.write_text("".join(line for line in ks.read_text().splitlines(keepends=True) if "timeout:" not in line))


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_gitlab_gets_each_finding_with_its_line(mine: Path) -> None:
    (mine / "docs" / "x.md").write_text(f"\n{AGE_KEY}\n")
    assert validate(mine, "--report=report.json").returncode == 2
    (one,) = json.loads((mine / "report.json").read_text())
    assert one["location"] == {"path": "docs/x.md", "lines": {"begin": 2}}
    assert (one["check_name"], one["severity"]) == ("secret-readable", "critical")
    assert len(one["fingerprint"]) == 64 and AGE_KEY not in str(one)
    done = validate(mine, "--report=no/such/folder/report.json")
    assert done.returncode == 3 and "can't be written: No such file or directory" in done.stderr


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
@pytest.mark.parametrize("staged", [False, True])
def test_what_is_too_much_to_read_is_said_and_not_read(mine: Path, staged: bool) -> None:
    letters = "abcdefgh"
    lines = [f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]" for old, new in itertools.pairwise(letters)]
    bomb = "\n".join(["---", "kind: Secret", "a: &a [x, x, x]", *lines, ""])
    large = "---\n" + "a: b\n" * 2_000_000
    folders = ("docs", "kubernetes/apps/default/echo/app")
    for name, text in (("bomb", bomb), ("large", large)):
        for folder in folders:
            (mine / folder / f"{name}.yaml").write_text(text)
    if staged:
        git(mine, "add", "--all")
        for name, folder in itertools.product(("bomb", "large"), folders):
            (mine / folder / f"{name}.yaml").write_text("---\na: b\n")
    done = validate(mine, timeout=60)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    for folder in folders:
        assert f"{folder}/bomb.yaml:" in done.stdout and "spells out more than 200000 values" in done.stdout
        assert re.search(rf"^{folder}/large.yaml:1: is .*larger than 2 MB", done.stdout, re.MULTILINE)


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_a_merge_that_stopped_is_found_where_it_stopped(mine: Path) -> None:
    def commit(text: str) -> None:
        (mine / "notes.md").write_text(text)
        git(mine, "add", "--all")
        git(mine, "commit", "--quiet", "--no-verify", "--message", "test")

    commit("first\n")
    git(mine, "checkout", "--quiet", "-b", "other")
    commit("theirs\n")
    git(mine, "checkout", "--quiet", "-")
    commit("ours\n")
    subprocess.run(["git", "merge", "other"], cwd=mine, capture_output=True, check=False)
    done = validate(mine)
    assert done.returncode == 2 and "notes.md:1: conflict marker" in done.stdout


def test_a_missing_tool_is_named_and_is_no_finding(mine: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    git = subprocess.run(["which", "git"], check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / "bin" / "git").symlink_to(git)
    done = subprocess.run(
        [*TALOS_FLUX, "validate"],
        cwd=mine,
        env=os.environ | {"PATH": str(tmp_path / "bin")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    for tool in ("kustomize", "yamllint"):
        assert (
            f"error: {tool} is not on PATH, so what it checks is unchecked: `mise install` installs it." in done.stderr
        )
    assert "talosctl is not installed: machine configurations are not checked." in done.stderr
    alone = "secrets are looked for by this repository's own rules alone"
    assert f"gitleaks is not installed: {alone}." in done.stderr


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_a_warning_is_shown_and_stops_no_commit(mine: Path) -> None:
    ks = mine / "kubernetes/apps/default/echo/ks.yaml"
    without_timeout(ks)
    assert validate(mine).returncode == 1
    done = subprocess.run(["task", "validate"], cwd=mine, capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "[no-timeout]" in done.stdout
    ks.write_text(ks.read_text().replace("/app\n", "/ap\n"))
    done = subprocess.run(["task", "--exit-code", "validate"], cwd=mine, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "[no-timeout]" in done.stdout


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_a_check_that_fails_is_no_silent_pass(mine: Path) -> None:
    (mine / ".yamllint").write_text("extends: no such configuration\n")
    done = validate(mine)
    assert done.returncode == 3
    assert done.stderr.startswith("error: yamllint failed: ") and "Traceback" not in done.stderr


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_outside_of_git_one_sentence_says_what_is_unchecked(mine: Path) -> None:
    shutil.rmtree(mine / ".git")
    done = validate(mine)
    assert done.returncode == 3
    assert done.stderr.startswith("error: git diff failed: ") and "Traceback" not in done.stderr


@needs("gitleaks", "kustomize", "talosctl")
@pytest.mark.full
def test_settings_that_are_no_yaml_are_found_like_any_other_file(mine: Path) -> None:
    (mine / "kubernetes/flux/meta/settings/cluster-settings.yaml").write_text("---\na: [\n")
    done = validate(mine)
    assert "Traceback" not in done.stderr
    assert "cluster-settings.yaml:" in done.stdout and "[not-yaml]" in done.stdout
