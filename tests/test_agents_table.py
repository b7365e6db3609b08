"""AGENTS.md says what is checked, and each of its rows is true: the rule finds what differs, as badly as it says."""

import re
import shutil
from pathlib import Path

import pytest

from talos_flux.check.rules import RULES, findings
from talos_flux.manifests.flux_tree import Cluster
from tests.support.cases import CASES
from tests.support.render import Renderer

ROW = re.compile(r"^\| (.+) \| ([^|]+) \|$", re.MULTILINE)
RULE = re.compile(r"`([\w-]+)` \((\w+)\)")
KS = "kubernetes/apps/default/echo/ks.yaml"
OTHER = "kubernetes/apps/network/k8s-gateway/ks.yaml"
RELEASE = "kubernetes/apps/default/echo/app/helmrelease.yaml"
# For each row, by how it begins, changes of echo that differ from it: what to look for in which file, and what instead.
Change = tuple[str, str, str]
DIFFERENT: dict[str, list[Change]] = {
    "`metadata.namespace`": [(OTHER, "targetNamespace: network", "targetNamespace: monitoring")],
    "The name": [(KS, "name: &app echo", "name: &app cert-manager")],
    "`sourceRef` names": [(KS, "    name: flux-system\n    namespace: flux-system\n", "    name: flux-sytem\n")],
    "`sourceRef` has": [(KS, "    name: flux-system\n    namespace: flux-system\n", "    name: flux-system\n")],
    "`dependsOn`": [
        (KS, "    - name: nginx-internal", "    - name: nginx-intern"),
        (KS, "  dependsOn:\n    - name: nginx-internal\n", ""),
    ],
    "`interval: 1h`": [
        (KS, "  interval: 1h\n", "  interval: 47m\n"),
        (KS, "  timeout: 10m\n", ""),
        (KS, "  retryInterval: 2m\n", ""),
    ],
    "`wait: true`": [(KS, "  wait: true\n", "")],
    "`prune: true`": [(KS, "prune: true", "prune: false")],
    "A HelmRelease": [(RELEASE, "    name: app-template\n    namespace: flux-system\n", "    name: app-template\n")],
    "Install and": [
        (RELEASE, "spec:\n  interval", "spec:\n  upgrade:\n    remediation:\n      retries: -1\n  interval")
    ],
    "Requests": [(RELEASE, "              limits:\n                memory: 128Mi\n", "")],
    "Exact tags": [(RELEASE, 'tag: "41"', "tag: latest")],
    "The class": [(RELEASE, "className: internal", "className: intern")],
    "Internal": [],
    "`$`": [(RELEASE, "LOG_IGNORE_PATH: /healthz", "LOG_IGNORE_PATH: ${PATH_OF_HEALTH}")],
}


def rows(page: str) -> dict[str, str]:
    """Return the rules of each row of the table, by what is checked."""
    _, _, table = page.partition("| what is checked | rule |\n| --- | --- |\n")
    return {match[1]: match[2] for match in ROW.finditer(table.partition("\n\n")[0] + "\n")}


def test_every_rule_that_the_page_names_is_as_bad_as_it_says(render: Renderer) -> None:
    for name in ("anton", "envoy-gateway", "minimal"):
        named = RULE.findall(" ".join(rows((render(CASES[name]) / "AGENTS.md").read_text()).values()))
        assert named, name
        assert [(rule, RULES[rule].severity.value) for rule, _ in named] == named


@pytest.mark.slow
def test_what_the_page_says_is_checked_is(render: Renderer, tmp_path: Path) -> None:
    good = render({})
    table = rows((good / "AGENTS.md").read_text())
    changes = {row: next((value for start, value in DIFFERENT.items() if row.startswith(start)), None) for row in table}
    assert [row for row, change in changes.items() if change is None] == []
    for number, (row, told) in enumerate(table.items()):
        found = set()
        for position, (path, old, new) in enumerate(changes[row] or ()):
            root = tmp_path / f"{number}-{position}"
            shutil.copytree(good, root)
            text = (root / path).read_text()
            assert text.count(old) == 1, (path, old)
            (root / path).write_text(text.replace(old, new))
            found |= {finding.rule.id for finding in findings(Cluster(root))}
        assert {rule for rule, _ in RULE.findall(told)} <= found, row
        assert RULE.search(told) or not found, f"{row} is checked, by {found}"


@pytest.mark.parametrize("start", DIFFERENT)
def test_every_change_here_is_about_a_row(start: str, render: Renderer) -> None:
    assert any(row.startswith(start) for row in rows((render({}) / "AGENTS.md").read_text()))
