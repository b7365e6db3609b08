"""Renovate merges by itself what it was told to, and only behind the check that looks for what needs care."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.needs import needs
from tests.support.render import Renderer
from tests.tools import renovate

DIFF = "task diff -- "
CHART = {
    "manager": "flux",
    "packageFile": "kubernetes/flux/meta/repos/grafana.yaml",
    "datasource": "docker",
    "packageName": "ghcr.io/grafana/helm-charts/grafana",
    "depName": "ghcr.io/grafana/helm-charts/grafana",
    "currentValue": "1.2.3",
    "currentVersion": "1.2.3",
}
MADE = {
    "automergeType": "pr",
    "platformAutomerge": False,
    "minimumReleaseAge": "7 days",
    "minimumReleaseAgeBehaviour": "timestamp-optional",
    "internalChecksFilter": "strict",
}


def update(kind: str, name: str = "ghcr.io/grafana/helm-charts/grafana", **more: str) -> dict[str, str]:
    return CHART | {"updateType": kind, "packageName": name, "depName": name} | more


BEFORE_ONE = {"currentValue": "0.9.1", "currentVersion": "0.9.1"}
# An update, and from which answer on Renovate merges it.
UPDATES: list[tuple[dict[str, str], str]] = [
    (update("patch"), "patch"),
    (update("patch", "ghcr.io/home/app", packageFile="kubernetes/apps/a/b/app/helmrelease.yaml"), "patch"),
    (update("patch", datasource="helm"), "patch"),
    (update("patch", **BEFORE_ONE), "patch"),
    (update("minor"), "minor"),
    (update("minor", **BEFORE_ONE), "never"),
    (update("major"), "never"),
    (update("digest"), "never"),
    (update("patch", "quay.io/cilium/charts/cilium"), "never"),
    (update("patch", "ghcr.io/controlplaneio-fluxcd/charts/flux-operator"), "never"),
    (update("patch", "ghcr.io/controlplaneio-fluxcd/charts/flux-instance"), "never"),
    (update("patch", "ghcr.io/siderolabs/kubelet", packageFile="talos/versions.yaml"), "never"),
    (update("patch", "siderolabs/talos", datasource="github-releases", packageFile="talos/versions.yaml"), "never"),
    (update("patch", "copier-talos-flux", manager="copier", datasource="git-tags", packageFile=".copier-answers.yml"),
     "never"),
]  # fmt: skip


@needs("renovate")
@pytest.mark.full
@pytest.mark.xdist_group("renovate")
@pytest.mark.parametrize("answer", ["none", "patch", "minor"])
def test_renovate_merges_what_the_answer_says(answer: str, render: Renderer) -> None:
    configuration = (render({"renovate_automerge": answer}) / ".renovaterc.json5").read_text()
    merged = {"none": set(), "patch": {"patch"}, "minor": {"patch", "minor"}}[answer]
    decided = renovate.decided(configuration, [update for update, _ in UPDATES])
    for (asked, since), told in zip(UPDATES, decided, strict=True):
        assert told["automerge"] == (since in merged), (answer, asked)
        if told["automerge"]:
            assert MADE.items() <= told.items(), asked


@needs("renovate")
@pytest.mark.full
@pytest.mark.xdist_group("renovate")
@pytest.mark.parametrize("answer", ["patch", "minor"])
def test_renovate_takes_the_configuration(answer: str, render: Renderer) -> None:
    configuration = (render({"renovate_automerge": answer}) / ".renovaterc.json5").read_text()
    [(_, errors, warnings)] = renovate.judged([("renovate.json5", configuration)])
    assert (errors, warnings) == ([], [])


def run_of_the_diff(root: Path) -> str:
    jobs = yaml.safe_load((root / ".github/workflows/validate.yaml").read_text())["jobs"]
    [run] = [step["run"] for step in jobs["diff"]["steps"] if DIFF in step.get("run", "")]
    return str(run)


def test_the_check_fails_on_care_on_renovates_branches_alone(render: Renderer) -> None:
    assert run_of_the_diff(render({})) == f"{DIFF}--comment"
    expected = "${{ startsWith(github.head_ref, 'renovate/') && '--fail-on=care' || '' }}"
    assert run_of_the_diff(render({"renovate_automerge": "patch"})) == f"{DIFF}--comment {expected}"


def test_on_gitlab_the_check_runs_on_renovates_branches_without_a_token_too(render: Renderer) -> None:
    def job(**answers: Any) -> dict[str, Any]:
        found: dict[str, Any] = yaml.safe_load((render({"ci": "gitlab"} | answers) / ".gitlab-ci.yml").read_text())
        return dict(found["diff"])

    usual, checking = job(), job(renovate_automerge="patch")
    assert usual["script"][-1] == f"mise exec -- {DIFF}--comment" and len(usual["rules"]) == 1
    assert checking["script"][-1] == f"mise exec -- {DIFF}$DIFF"
    assert [rule.get("variables", {}).get("DIFF") for rule in checking["rules"]] == [
        "--comment --fail-on=care", "--fail-on=care", None,
    ]  # fmt: skip
    assert checking["variables"]["DIFF"] == "--comment"
    assert checking["rules"][-1] == usual["rules"][0]
    assert ["$UPDATE_TOKEN" in rule["if"] for rule in checking["rules"]] == [True, False, True]
