"""The project's own documents are true."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.questions import is_public, questions
from tests.support.render import PROJECT, Renderer
from tests.test_questions import ALWAYS
from tests.test_render import BACKUP_SETTINGS, SETTINGS
from tests.tools.pages import all_pages
from tests.tools.pages.questions import CHART, HEADER, IMAGE, PAGE, SECTIONS, example, template
from tests.tools.pages.tables import cells

# Asked whatever the other answers are. What ties the id of a tunnel to the usual access counts as that.
USUAL = {
    "cluster": {
        ALWAYS,
        "{{ generator in ['cluster', 'app'] }}",
        "{{ generator == 'cluster' and external_access == 'cloudflare-tunnel' }}",
    },
    "namespace": {"{{ generator == 'namespace' }}"},
    "app": {"{{ generator == 'app' }}"},
}


@pytest.fixture(scope="module")
def generated(render: Renderer) -> dict[Path, str]:
    """Each page of docs/reference that the project writes, as it should be."""
    return all_pages(render)


@pytest.mark.slow
def test_every_page_that_is_made_of_the_project_is_as_the_project_says(generated: dict[Path, str]) -> None:
    outdated = [path.name for path, text in generated.items() if path.read_text() != text]
    assert outdated == [], "python -m tests.tools.pages writes them"


@pytest.mark.parametrize("generator", SECTIONS)
def test_the_page_says_which_questions_are_always_asked(generator: str) -> None:
    section = PAGE.read_text().split(f"{SECTIONS[generator]}\n")[1]
    said = {row[0]: row[2] for row in map(cells, table(section, HEADER))}
    for name, question in questions(generator).items():
        if is_public(question):
            is_asked = question.get("ask", ALWAYS) == ALWAYS and question["when"] in USUAL[generator]
            assert (said[name] == "yes") == is_asked, name


@pytest.mark.parametrize("generator", SECTIONS)
def test_every_rule_of_a_question_is_written_down(generator: str) -> None:
    section = PAGE.read_text().split(f"{SECTIONS[generator]}\n")[1]
    said = {row[0]: row[5] for row in map(cells, table(section, HEADER))}
    ruled = [name for name, question in questions(generator).items() if "validator" in question]
    assert [name for name in ruled if name in said and not said[name]] == []


# Without these a question is not asked.
NEEDED: dict[str, dict[str, Any]] = {
    "repository_known_hosts": {"repository_url": "ssh://git@git.example.net/anton.git"},
    **{
        name: {
            "load_balancer_announcement": "bgp",
            "bgp_router_address": "192.168.1.254",
            "bgp_router_asn": 64513,
            "bgp_node_asn": 64514,
            "load_balancer_pool": "10.45.0.0/24",
        }
        for name in ("bgp_router_address", "bgp_router_asn", "bgp_node_asn")
    },
    "external_dns_target": {"external_access": "direct"},
    "backup_s3_url": {"backups": "s3"},
    "backup_s3_region": {"backups": "s3", "backup_s3_url": "https://s3.example.net/anton"},
    "backup_nfs": {"backups": "nfs"},
    "ntfy_topic": {"alerts": "ntfy"},
    **{name: CHART | {"app_chart_version": "9.3.0"} for name in ("app_chart_url", "app_chart_version", "app_values")},
    "app_service": CHART | {"app_chart_version": "9.3.0", "app_port": 80},
    "app_secret_item": IMAGE | {"app_secret": "onepassword"},
    "app_secret_keys": IMAGE | {"app_secret": "onepassword"},
    "app_schedule": {name: value for name, value in IMAGE.items() if name != "app_port"},
    "app_load_balancer_address": IMAGE | {"app_load_balancer_ports": [{"port": 22000, "protocol": "TCP"}]},
    **{name: IMAGE | {"app_scrape": True} for name in ("app_scrape_port", "app_scrape_path")},
}


@pytest.mark.parametrize(
    ("name", "question"),
    [
        (name, question)
        for generator in SECTIONS
        for name, question in questions(generator).items()
        if is_public(question) and question["type"] != "bool" and "choices" not in question and name != "nodes"
    ],
)
def test_the_example_of_a_question_is_an_answer(name: str, question: dict[str, Any]) -> None:
    shown = example(question["help"])
    value = yaml.safe_load(shown) if question["type"] == "yaml" or shown.startswith('"') else shown
    given = NEEDED.get(name, IMAGE if name.startswith("app_") else {})
    assert template().recorded({}, given | {name: value})[name] == value


def table(text: str, header: str) -> list[str]:
    """The rows of the first table with that header."""
    return text.split(f"\n{header}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]


def test_the_keys_of_cluster_settings_are_listed():
    listed = {cells(row)[0] for row in table(PAGE.read_text(), "| key | is |")}
    assert listed == SETTINGS.union({"EXTERNAL_ADDRESS"}, *BACKUP_SETTINGS.values())


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
