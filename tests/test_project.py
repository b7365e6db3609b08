"""The project's own documents are true."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.check.rules import RULES
from talos_flux.errors import UserError
from talos_flux.repository.generators import generators
from tests.support.cases import EXAMPLES
from tests.support.commandline import INLINE
from tests.support.needs import needs
from tests.support.questions import all_questions, is_public, questions
from tests.support.render import PROJECT, Renderer
from tests.support.repository import Repository
from tests.test_questions import ALWAYS
from tests.test_render import ADDRESSES, BACKUP_SETTINGS, SETTINGS, TIERS
from tests.tools import records
from tests.tools.catalogue import TOOLS
from tests.tools.pages import all_pages, commands, components
from tests.tools.pages.questions import HEADER, PAGE, SECTIONS, WITH, example, template
from tests.tools.pages.tables import cells, table
from tests.tools.records import generator

# Files of other repositories, and of a release that is yet to come.
NOT_OURS = {
    "docs/publish.md",
    "docs/releases/v1.2.0.md",
    "kubernetes/components",
    "kubernetes/flux/meta/repos/kustomization.yaml",
    "kubernetes/apps/media",
}
# Of copier and task, of git, of Flux' controllers, and of metrics-server.
FLAGS_OF_OTHERS = {"--data", "--data-file", "--defaults", "--trust", "--exit-code", "--no-verify"}
FLAGS_OF_OTHERS |= {"--assume-unchanged", "--skip-worktree"}
FLAGS_OF_OTHERS |= {"--concurrent", "--kubelet-insecure-tls", "--requeue-dependency", "--sops-age-secret"}
# Asked whatever the other answers are. What ties the id of a tunnel to the usual access counts as that.
USUAL = {
    "cluster": {
        ALWAYS,
        "{{ generator == 'cluster' or '%s' in takes_over }}",
        "{{ generator == 'cluster' and external_access == 'cloudflare-tunnel' }}",
    },
    **{name: {f"{{{{ generator == '{name}' }}}}"} for name in generators()},
}


@pytest.fixture(scope="module")
def generated(render: Renderer) -> dict[Path, str]:
    """Each page of docs/reference that the project writes, as it should be."""
    return all_pages(render)


@needs("copier")
@pytest.mark.full
@pytest.mark.xdist_group("pages")
def test_every_page_that_is_made_of_the_project_is_as_the_project_says(generated: dict[Path, str]) -> None:
    outdated = [path.name for path, text in generated.items() if path.read_text() != text]
    assert outdated == [], "python -m tests.tools.pages writes them"


@pytest.mark.parametrize("generator", SECTIONS)
def test_the_page_says_which_questions_are_always_asked(generator: str) -> None:
    section = PAGE.read_text().split(f"{SECTIONS[generator]}\n")[1]
    said = {row[0]: row[2] for row in map(cells, table(section, HEADER))}
    for name, question in questions(generator).items():
        if is_public(question):
            is_asked = (
                question.get("ask", ALWAYS) == ALWAYS and question["when"].replace(name, "%s") in USUAL[generator]
            )
            assert (said[name] == "yes") == is_asked, name


@pytest.mark.parametrize("generator", SECTIONS)
def test_every_rule_of_a_question_is_written_down(generator: str) -> None:
    section = PAGE.read_text().split(f"{SECTIONS[generator]}\n")[1]
    said = {row[0]: row[5] for row in map(cells, table(section, HEADER))}
    ruled = [name for name, question in questions(generator).items() if "validator" in question]
    assert [name for name in ruled if name in said and not said[name]] == []


BY_BGP: dict[str, Any] = {
    "load_balancer_announcement": "bgp",
    "bgp_router_address": "192.168.1.254",
    "bgp_router_asn": 64513,
    "bgp_node_asn": 64514,
    "load_balancer_pool": "10.45.0.0/24",
}
DUAL_STACK: dict[str, Any] = {
    "node_cidr_ipv6": "fd12:3456:789a:1::/64",
    "bgp_router_address_ipv6": "fd12:3456:789a:1::1",
}
IMAGE = WITH["app"][0]
[CHART] = (answers for answers in WITH["app"] if answers.get("app_kind") == "chart")
# Without these a question is not asked.
NEEDED: dict[str, dict[str, Any]] = {
    "repository_known_hosts": {"repository_url": "ssh://git@git.example.net/anton.git"},
    **{name: BY_BGP for name in ("bgp_router_address", "bgp_router_asn", "bgp_node_asn")},
    **{name: DUAL_STACK for name in ("pod_cidr_ipv6", "service_cidr_ipv6")},
    **{name: BY_BGP | DUAL_STACK for name in ("bgp_router_address_ipv6", "load_balancer_cidr_ipv6")},
    "external_dns_target": {"external_access": "direct"},
    **{name: each.answers for each in records.backends() for name in each.questions},
    "backup_s3_url": {"backups": "s3"},
    "backup_s3_region": {"backups": "s3", "backup_s3_url": "https://s3.example.net/anton"},
    "backup_nfs": {"backups": "nfs"},
    "ntfy_topic": {"alerts": "ntfy"},
    **{name: each.additions[0] for each in generator.records() for name in each.answers},
    **dict.fromkeys(("app_chart_url", "app_chart_version", "app_values", "app_service"), CHART),
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


OF_A_CLUSTER = PAGE.read_text().partition("\n## A node")[0]


@pytest.mark.parametrize(
    ("name", "choice"), re.findall(r"^\| (\w+) \| \w+ \| with (\w+) \|", OF_A_CLUSTER, re.MULTILINE)
)
def test_a_question_that_comes_with_a_choice_needs_an_answer_then_and_is_not_there_else(name: str, choice: str) -> None:
    others = {other: value for other, value in NEEDED[name].items() if other != name}
    assert choice in others.values()
    assert name not in template().recorded({}, {})
    with pytest.raises(UserError, match=name):
        template().recorded({}, others)


LIMITS = re.compile(r"\b(\d+) to (\d+)\b")


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        (row[0], int(limits[1]), int(limits[2]))
        for row in map(cells, re.findall(r"^\| \w+ \| yaml .*$", PAGE.read_text(), re.MULTILINE))
        if (limits := LIMITS.search(row[5]))
    ],
)
def test_the_limits_in_the_rule_of_a_question_are_those_that_are_kept(name: str, low: int, high: int) -> None:
    given = NEEDED.get(name, IMAGE if name.startswith("app_") else {})
    for number in (low, high):
        assert template().recorded({}, given | {name: number})[name] == number
    for number in (low - 1, high + 1):
        with pytest.raises(UserError):
            template().recorded({}, given | {name: number})


def test_the_keys_of_a_node_are_listed_with_their_defaults() -> None:
    keys = re.search(r"node_keys = (\[.*?\])", (PROJECT / "macros/rules.jinja").read_text())
    defaults = re.findall(
        r"^  '(\w+)': '?(\w+|\[\]|\{\})'?,?$", (PROJECT / "macros/nodes.jinja").read_text(), re.MULTILINE
    )
    said = dict(row[:2] for row in map(cells, table(PAGE.read_text(), "| key | default | rule |")))
    assert keys and {name for cell in said for name in cell.split(", ")} == set(yaml.safe_load(keys[1]))
    empty = {"none": "none", "[]": "none", "{}": "none"}
    written = {name: empty.get(value, value) for name, value in defaults}
    assert {name: value for name, value in said.items() if value} == written


@pytest.mark.parametrize(
    ("section", "macros", "keys"),
    [
        ("Disks for volumes", "disks", "storage_disk_keys"),
        ("A bond", "links", "bond_keys"),
        ("Links", "links", "link_keys"),
    ],
)
def test_the_keys_of_what_a_node_has_are_listed(section: str, macros: str, keys: str) -> None:
    known = re.search(rf"{keys} = (\[.*?\])", (PROJECT / f"macros/{macros}.jinja").read_text())
    rows = table(PAGE.read_text().partition(f"\n### {section}\n")[2], "| key | default | rule |")
    assert known and {name for row in rows for name in cells(row)[0].split(", ")} == set(yaml.safe_load(known[1]))


def test_the_keys_of_cluster_settings_are_listed():
    listed = {cells(row)[0] for row in table(PAGE.read_text(), "| key | is |")}
    ipv6 = {f"{name}_IPV6" for name in ADDRESSES}
    assert listed == SETTINGS.union({"EXTERNAL_ADDRESS"}, ipv6, *BACKUP_SETTINGS.values())


def test_a_key_of_cluster_settings_is_the_answer_that_is_listed(render: Renderer) -> None:
    given = EXAMPLES["everything"] | {"node_cidr_ipv6": "fd12:3456:789a:1::/64"}
    cluster = Repository(render(given), given)
    answers = cluster.documents(".copier-answers.yml")[0]
    settings = cluster.documents("kubernetes/flux/meta/settings/cluster-settings.yaml")[0]["data"]
    for row in map(cells, table(PAGE.read_text(), "| key | is |")):
        if (answer := row[1].partition(",")[0]) in questions() and not row[0].startswith("BACKUP_NFS"):
            assert settings[row[0]] == answers[answer], row[0]


def test_the_readme_names_what_is_there():
    readme = (PROJECT / "README.md").read_text()
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"`?make ([a-z-]+)", readme)) <= targets
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]+)?\)", readme):
        target = PROJECT / (path or "README.md")
        assert target.exists(), path
        assert not anchor or anchor in anchors(target.read_text()), f"{path}{anchor}"


def test_files_that_the_pages_name_are_there(render: Renderer) -> None:
    roots = [PROJECT, *(render(answers) for answers in EXAMPLES.values())]
    tops = {path.name for root in roots for path in root.iterdir() if path.is_dir()}
    missing = []
    for page in current_pages():
        for name in INLINE.findall(without_blocks(page.read_text())):
            path = re.sub(r"<\w+>", "*", name.removeprefix("./").rstrip("/").replace("media/jellyfin", "*/*"))
            whole = re.fullmatch(r"[\w.*-]+(/[\w.*-]+)+", path) and path.partition("/")[0] in tops
            test = re.fullmatch(r"test_\w+\.py", path)
            places = [PROJECT / "tests", PROJECT / "tests/cluster"] if test else roots
            if (whole or test) and name not in NOT_OURS and not any(list(place.glob(path)) for place in places):
                missing.append(f"{page.relative_to(PROJECT)}: {name}")
    assert missing == []


def test_the_tree_in_the_readme_is_of_what_a_cluster_has(render: Renderer) -> None:
    cluster = render({})
    tree = (PROJECT / "README.md").read_text().partition("my-cluster/\n")[2].partition("```")[0]
    folders = re.findall(r"(?<![\w/.-])[\w.][\w./-]*/(?=[\s<{]|$)", tree, re.MULTILINE)
    assert len(folders) > 10
    assert [name for name in folders if not list(cluster.rglob(name.rstrip("/")))] == []


def test_what_the_pages_count_is_so_many() -> None:
    readme, testing = (PROJECT / "README.md").read_text(), (PROJECT / "docs/explanation/testing.md").read_text()
    asked = [row for row in map(cells, table(PAGE.read_text(), HEADER)) if row[2] == "yes"]
    assert (len(asked), len(EXAMPLES)) == (16, 12)
    assert "\nSixteen questions" in readme
    assert "renders twelve examples" in testing and "has twelve" in PAGE.read_text()
    assert len(RULES) > 70 and "more than seventy [rules]" in readme


def test_the_versions_of_the_judges_are_those_that_are_built() -> None:
    text = (PROJECT / "docs/explanation/testing.md").read_text()
    named = {(name, version) for name, version in re.findall(r"([a-z][a-z-]+) (\d+\.\d+\.\d+)", text)}
    built = {tool.name: tool.version.removeprefix("v") for tool in TOOLS}
    assert {(name, version) for name, version in named if name in built} == {
        (name, built[name]) for name, _ in named if name in built
    }


def test_the_tiers_are_those_that_the_tests_know() -> None:
    page = (PROJECT / "docs/explanation/how-it-fits-together.md").read_text()
    said = [cells(row)[1:3] for row in table(page, "| tier | Flux looks every | and waits for | for |")]
    units = {"m": "minutes", "h": "hour"}
    assert said == [[f"{time[:-1]} {units[time[-1]]}" for time in tier] for tier in TIERS]


def test_folders_in_the_readmes_table_of_what_to_change_are_there() -> None:
    for row in map(cells, table((PROJECT / "README.md").read_text(), "| to change | look in |")):
        for name in INLINE.findall(row[1]):
            assert list(PROJECT.glob(name.rstrip("/"))), name


@pytest.mark.full
@pytest.mark.xdist_group("pages")
def test_flags_that_stand_alone_are_flags_of_a_script_or_a_task(generated: dict[Path, str]) -> None:
    helps = generated[commands.PAGE]
    known = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", helps)) | FLAGS_OF_OTHERS
    wrong = [
        f"{page.relative_to(PROJECT)}: {flag}"
        for page in [*current_pages(), *PROJECT.glob("template/**/*.md.jinja")]
        for flag in re.findall(r"`(?:-- )?(--[a-z][\w-]*)[^`\n]*`", page.read_text())
        if flag not in known
    ]
    assert wrong == []


def test_answers_that_the_pages_give_are_answers_to_a_question() -> None:
    known = set(all_questions())
    for page in [PROJECT / "README.md", *PROJECT.glob("docs/how-to/*.md"), *PROJECT.glob("docs/start/*.md")]:
        named = set(re.findall(r"(?<![\w.-])(?:app|ns)_\w+", page.read_text()))
        assert named <= known, page.name


def test_questions_that_take_the_place_of_other_settings_are_questions() -> None:
    keys = {name for row in table(PAGE.read_text(), "| key | default | rule |") for name in cells(row)[0].split(", ")}
    page = (PROJECT / "docs/how-to/move-from-cluster-template.md").read_text()
    for row in map(cells, table(page, "| cluster.yaml, nodes.yaml | cluster.toml | question |")):
        for name in re.findall(r"(?<![\w`.-])[a-z0-9]+(?:_[a-z0-9]+)+", row[2]):
            assert name in questions() or name in keys, name


def test_secrets_that_take_the_place_of_others_are_listed(render: Renderer) -> None:
    cluster = Repository(render(EXAMPLES["sops"]), EXAMPLES["sops"])
    listed = cluster.documents("bootstrap/secrets.yaml")[0]["secrets"]
    there = {f"{secret['name']}, {key['name']}" for secret in listed for key in secret["keys"]}
    page = (PROJECT / "docs/how-to/move-from-cluster-template.md").read_text()
    assert {
        cells(row)[1] for row in table(page, "| file in `kubernetes/apps`, and its key | SECRET and KEY here |")
    } <= there


def test_rules_that_are_named_are_rules() -> None:
    page = (PROJECT / "docs/how-to/move-from-your-own-repository.md").read_text()
    named = {cells(row)[2] for row in table(page, "| yours | here | `task validate` says |")}
    assert named - {""} <= RULES.keys()


def test_the_page_of_components_has_the_namespace_and_the_secrets_of_each(render: Renderer) -> None:
    said = {row[1]: row for row in map(cells, table(components.PAGE.read_text(), components.HEADER))}
    for answers in EXAMPLES.values():
        cluster = Repository(render(answers), answers)
        needed = {(one.get("app"), one["name"]) for one in cluster.documents("bootstrap/secrets.yaml")[0]["secrets"]}
        for app in cluster.apps:
            assert said[app.name][0].partition(" ")[0] == app.namespace, app.name
            secrets = set(re.findall(r"[\w-]+", said[app.name][5]))
            assert {name for of, name in needed if of == app.name} <= secrets, app.name


def current_pages() -> list[Path]:
    """README and docs, less the notes of releases, which speak of their time."""
    return [PROJECT / "README.md", *(path for path in PROJECT.glob("docs/**/*.md") if path.parent.name != "releases")]


def without_blocks(text: str) -> str:
    """Return a page without its code blocks."""
    return re.sub(r"^( *)```.*?^ *```", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes of a page's headings."""
    titles = re.findall(r"^#+ (.*)$", without_blocks(text), re.MULTILINE)
    return {f"#{re.sub(r'[^a-z0-9 _-]', '', title.lower()).replace(' ', '-')}" for title in titles}


@pytest.mark.xdist_group("one-process")
def test_tests_of_one_group_run_in_one_process(request: pytest.FixtureRequest) -> None:
    # pytest-xdist groups by this suffix; a pytest that it does not know drops it without a word.
    if request.config.getoption("loadgroup", default=False):
        assert request.node.nodeid.endswith("@one-process")
