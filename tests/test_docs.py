"""A cluster's README and runbooks are true for that cluster."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.commandline import EVERYWHERE
from tests.support.repository import Repository, parse

LINK = re.compile(r"\]\((?!https?://)([^)#]*)(#[^)]*)?\)")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def pages(cluster: Repository) -> list[Path]:
    return [path for path in cluster.files if path.suffix == ".md" and path.parts[0] in ("README.md", "docs")]


def rows(text: str, header: str) -> list[list[str]]:
    """The rows of the table with that header, as cells."""
    table = text.split(f"{header}\n", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in table]


def test_the_readme_lists_exactly_the_apps_that_are_there(cluster: Repository) -> None:
    listed = [tuple(row[:2]) for row in rows(cluster.text("README.md"), "| namespace | app | what it does |")]
    assert listed == sorted((app.namespace, app.name) for app in cluster.apps)


def test_the_readme_lists_exactly_the_nodes(cluster: Repository) -> None:
    listed = [tuple(row[:3]) for row in rows(cluster.text("README.md"), "| node | address | role | disk | link |")]
    inventory = cluster.documents("talos/inventory.yaml")[0]
    assert listed == [(node["name"], node["address"], node["role"]) for node in inventory["nodes"]]


def test_the_table_of_secrets_is_the_inventory(cluster: Repository) -> None:
    inventory = cluster.documents("bootstrap/secrets.yaml")[0]
    in_vault = inventory["backend"] == "onepassword"
    header = f"| Secret | namespace |{' item | fields' if in_vault else ' keys'} | used by |"
    expected = sorted(
        [
            secret["name"],
            secret.get("namespace", "–"),
            *([secret.get("item", "(age.key)")] if in_vault else []),
            ", ".join(key["name"] for key in secret["keys"]),
        ]
        for secret in inventory["secrets"]
    )
    assert [row[:-1] for row in rows(cluster.text("docs/runbooks/secrets.md"), header)] == expected


def test_links_lead_somewhere(cluster: Repository) -> None:
    broken = []
    for page in pages(cluster):
        for target, anchor in LINK.findall(cluster.text(page)):
            file = (cluster.root / page).parent / target if target else cluster.root / page
            titles = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE) if file.is_file() else []
            anchors = {f"#{re.sub(r'[^a-z0-9 -]', '', title.lower()).replace(' ', '-')}" for title in titles}
            if not file.exists() or (anchor and anchor not in anchors):
                broken.append(f"{page}: {target}{anchor}")
    assert broken == []


def test_files_that_are_named_are_there(example: Repository) -> None:
    missing = []
    made_later = {"age.key", "talos/clusterconfig", "talos/clusterconfig/talosconfig", "talos/secrets.sops.yaml"}
    for page in pages(example):
        for name in re.findall(
            r"`((?:talos|bootstrap|kubernetes|scripts|docs|\.taskfiles)/[\w./-]*|\.[a-z][\w.-]+)`", example.text(page)
        ):
            if name.rstrip("/") not in made_later and not (example.root / name).exists():
                missing.append(f"{page}: {name}")
    assert missing == []


def test_tasks_that_are_named_are_there(example: Repository) -> None:
    listed = subprocess.run(
        ["task", "--list-all", "--json"], cwd=example.root, capture_output=True, text=True, check=True
    ).stdout
    there = {name for task in yaml.safe_load(listed)["tasks"] for name in [task["name"], *task["aliases"]]}
    named = {
        (str(page), task)
        for page in pages(example)
        for task in re.findall(r"(?:^|`)task ([a-z][\w:-]*)", example.text(page), re.MULTILINE)
    }
    assert sorted((page, task) for page, task in named if task not in there) == []


def test_commands_are_of_tools_that_mise_installs_or_scripts_that_are_there(example: Repository) -> None:
    programs = {"flux2": "flux", "1password-cli": "op", "python": "python3"}
    tools = re.findall(r'^([\w-]+) = "\d', example.text(".mise.toml"), re.MULTILINE)
    known = {programs.get(tool, tool) for tool in tools} | {"age-keygen", "git", "mise"} | EVERYWHERE
    used = {
        (str(page), line.split()[0])
        for page in pages(example)
        for block in SHELL.findall(example.text(page))
        for line in block.replace("\\\n", " ").splitlines()
        if line.strip()
    }
    assert sorted((page, word) for page, word in used if word not in known and not is_script(example, word)) == []


def is_script(example: Repository, word: str) -> bool:
    """Whether a command is one of the repository's own."""
    return word.startswith("./scripts/") and (example.root / word).is_file()


@pytest.mark.parametrize(
    "page", ["docs/runbooks/add-an-app.md", "docs/runbooks/expose-an-app.md", "docs/runbooks/secrets.md"]
)
def test_the_yaml_that_is_shown_is_yaml(example: Repository, page: str) -> None:
    for block in re.findall(r"^( *)```yaml\n(.*?)```", example.text(page), re.DOTALL | re.MULTILINE):
        parse(
            "\n".join(line.removeprefix(block[0]) for line in block[1].splitlines()).replace("<", "").replace(">", "")
        )
