"""A cluster's README and runbooks are true for that cluster."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.commandline import EVERYWHERE, INLINE
from tests.support.questions import all_questions
from tests.support.repository import Repository, parse
from tests.tools.records.secret_stores import backends

CHANGES = "docs/runbooks/change-the-cluster.md"
KEYS_OF_A_NODE = {
    "disk_serial", "encrypt_disk", "ephemeral_size", "kernel_args", "kernel_modules", "mac_address", "schematic_id",
    "storage_disks",
}  # fmt: skip
# A scope of GitLab's, and an option of NFS.
WORDS_OF_OTHERS = {"write_repository", "all_squash"}
LINK = re.compile(r"\]\((?!https?://)([^)#]*)(#[^)]*)?\)")
PATH = re.compile(r"(?:\./)?(?:talos|bootstrap|kubernetes|scripts|docs|\.taskfiles)/[\w./<>-]*|\.[a-z][\w.-]+")
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def pages(cluster: Repository) -> list[Path]:
    return [
        path for path in cluster.files if path.suffix == ".md" and path.parts[0] in ("AGENTS.md", "README.md", "docs")
    ]


def rows(text: str, header: str) -> list[list[str]]:
    """Return the rows of the table with that header, as cells."""
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
    in_vault = "document" in inventory["talos"]
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
    made_later = {"talos/clusterconfig", "talos/secrets.yaml", ".sops.yaml.old"}
    for page in pages(example):
        text = example.text(page)
        named = [*INLINE.findall(text), *(word for block in SHELL.findall(text) for word in block.split())]
        for name in named:
            if not PATH.fullmatch(name) or any(name.startswith(folder) for folder in made_later):
                continue
            # An app of yours stands where one of the template does; `task init` and you make encrypted files.
            path = re.sub(r"[\w.<>-]+\.sops\.yaml$|<file>$", "", name.removeprefix("./"))
            if not list(example.root.glob(re.sub(r"<\w+>", "*", path))):
                missing.append(f"{page}: {name}")
    assert missing == []


def test_answers_that_are_named_are_answers(example: Repository) -> None:
    known = {*all_questions(), *KEYS_OF_A_NODE, *WORDS_OF_OTHERS}
    named = {
        (str(page), word)
        for page in pages(example)
        for word in re.findall(r"`([a-z0-9]+(?:_[a-z0-9]+)+)\b[^`\n]*`", example.text(page))
    }
    header = "| to change | more than the answer |"
    for what, _ in rows(example.text(CHANGES), header):
        named |= {(CHANGES, word) for word in re.findall(r"`(\w+)`", what)}
    assert sorted((page, word) for page, word in named if word not in known) == []


def test_no_page_speaks_of_what_the_cluster_does_not_have(cluster: Repository) -> None:
    answers = cluster.documents(".copier-answers.yml")[0]
    has = {
        r"(?i)\bthe webhook": answers["webhook_provider"] != "none" or answers["alerts"] == "webhook",
        r"\bCI\b|\bUPDATE_TOKEN\b|\bActions\b": answers["ci"] != "none",
        r"\bpipeline": answers["ci"] == "gitlab",
        r"\bThe deploy key|\bdeploy\.key\b": answers["repository_url"].startswith("ssh://"),
        r"\bAlertmanager": "monitoring" in answers["components"],
        r"\bwebhook_provider=": answers["external_access"] != "none",
        r"Remove a node|\banother node\b|\bother nodes\b": len(answers["nodes"]) > 1,
    }
    found = [
        f"{page}: {text[0]}"
        for page in pages(cluster)
        for word, is_there in has.items()
        if not is_there and (text := re.search(word, cluster.text(page)))
    ]
    assert found == []


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
    programs = {"flux2": "flux", "python": "python3"}
    programs |= {tool: name for backend in backends() for tool, name in backend.programs.items()}
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
