"""The project's own documents are true."""

import re

import pytest
import yaml

from tests.support.cases import EXAMPLES
from tests.support.render import PROJECT
from tests.support.repository import Repository
from tests.test_questions import questions
from tests.test_render import BACKUP_SETTINGS, SETTINGS
from tests.tools import rules


def column(document: str, header: str) -> list[str]:
    """The first cells of the table under that header."""
    table = document.split(f"\n{header}", 1)[1].split("\n\n", 1)[0].splitlines()[2:]
    return [row.strip("| ").split(" | ")[0].strip() for row in table]


def test_the_table_of_questions_is_complete_and_in_order():
    public = [
        name
        for name, question in questions().items()
        if question.get("when") is not False and question.get("ask") is not False
    ]
    assert column((PROJECT / "docs/reference/questions.md").read_text(), "| question |") == public


@pytest.mark.parametrize(("generator", "title"), [("namespace", "## A namespace"), ("app", "## An app")])
def test_the_tables_of_the_generators_questions_are_complete_and_in_order(generator, title):
    section = (PROJECT / "docs/reference/questions.md").read_text().split(f"\n{title}\n")[1]
    listed = [name for cell in column(section, "| question |") for name in cell.split(", ")]
    assert listed == [
        name
        for name, question in questions(generator).items()
        if question.get("when") is not False and question.get("ask") is not False
    ]


def test_the_keys_of_cluster_settings_are_listed():
    listed = column((PROJECT / "docs/reference/questions.md").read_text(), "| key | is |")
    assert set(listed) == SETTINGS.union({"EXTERNAL_ADDRESS"}, *BACKUP_SETTINGS.values())


def test_the_component_table_has_every_app_with_its_pin_and_tier(render):
    document = (PROJECT / "docs/reference/components.md").read_text()
    tiers = {"5m": "critical", "15m": "core", "1h": "standard"}
    for name, answers in EXAMPLES.items():
        cluster = Repository(render(answers), answers)
        pins = {}
        for file in (cluster.root / "kubernetes/flux/meta/repos").glob("*.yaml"):
            source = yaml.safe_load(file.read_text())
            address, tag = source["spec"]["url"].removeprefix("oci://"), source["spec"]["ref"]["tag"]
            pins[source["metadata"]["name"]] = f"`{address}` {tag}"
        for app in cluster.apps:
            tier = tiers[yaml.safe_load((app.folder / "ks.yaml").read_text())["spec"]["interval"]]
            release = app.folder / "app/helmrelease.yaml"
            chart = yaml.safe_load(release.read_text())["spec"]["chartRef"]["name"] if release.exists() else ""
            pin = re.escape(pins.get(chart, "–"))
            row = rf"\| {app.namespace} \([^|]*\) \| {app.name} \| {tier} \| {pin} \|"
            assert re.search(row, document), f"{name}: docs/reference/components.md has no row that starts {row}"


def test_the_table_of_rules_is_what_the_rules_say():
    assert rules.PAGE.read_text() == rules.page(rules.PAGE.read_text()), "python -m tests.tools.rules writes it"


def test_the_readme_names_what_is_there():
    readme = (PROJECT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", readme)) <= targets
    for path in re.findall(r"\]\((?!https?:)([^)#]+)\)", readme):
        assert (PROJECT / path).exists(), path


@pytest.mark.xdist_group("one-process")
def test_tests_of_one_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    # pytest-xdist groups by this suffix; a pytest that it does not know drops it without a word.
    if request.config.getoption("loadgroup", default=False):
        assert request.node.nodeid.endswith("@one-process")
