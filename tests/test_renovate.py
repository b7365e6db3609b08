"""The real Renovate accepts a cluster's configuration, and sees each of its versions exactly once."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.manifests import json5
from talos_flux.manifests.renovate_options import known, objections
from talos_flux.repository.files import Unreadable
from tests.mutations.mutation import Harmless, Mutation
from tests.mutations.renovate import HARMLESS, MUTATIONS, RENOVATE
from tests.support.additions import Adder
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.tools import renovate, renovate_options
from tests.tools.records import git_hosts

pytestmark = [needs("renovate"), pytest.mark.full, pytest.mark.xdist_group("renovate")]

# Together they have every component, every host of CI and no outside at all.
JUDGED = {name: EXAMPLES[name] for name in ("anton", "envoy-gateway", "everything", "internal-only")}
JUDGED |= {f"ci-{name}": EXAMPLES["minimal"] | {"ci": name} for name in git_hosts.pipelines()}
# What RE2, Renovate's own matcher, refuses; the fallback without it would not.
NOT_IN_RE2 = re.compile(r"\(\?(?:=|!|<=|<!|>)|\\[1-9]|\\k<|[*+?}]\+")
Found = list[dict[str, Any]]


class Watched:
    """A rendered cluster in git, and what Renovate finds in it: {file, manager, value, …}."""

    def __init__(self, root: Path, work: Path) -> None:
        self.root = root
        work.mkdir()
        self.found: Found = [
            {"manager": manager, "file": file["packageFile"], "value": version(dependency), **dependency}
            for manager, files in renovate.extract(root, work).items()
            for file in files
            for dependency in file["deps"]
        ]

    @property
    def answers(self) -> dict[str, Any]:
        recorded: dict[str, Any] = yaml.safe_load((self.root / ".copier-answers.yml").read_text())
        return recorded

    @property
    def pins(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.answers.items() if name.startswith("pin_")}

    def places(self, pin: str) -> list[str]:
        """Return the files in which a version stands as a value, once per place. kubectl and its like have no v."""
        place = re.compile(rf"""(?:[:=]\s*["']?v?|@){re.escape(pin.removeprefix("v"))}["']?$""")
        found = []
        for path in tracked(self.root):
            if path.suffix not in (".md", ".xz") and path.name != ".copier-answers.yml":
                lines = (self.root / path).read_text().splitlines()
                found += [str(path) for line in lines if place.search(line)]
        return sorted(found)


def version(dependency: dict[str, Any]) -> str:
    """Return the text in the file: a digest follows an image's tag, a tag's comment follows an action's digest."""
    value, digest = dependency.get("currentValue"), dependency.get("currentDigest")
    if not digest:
        return str(value)
    return f"{digest} # {value}" if dependency["datasource"].startswith("github") else f"{value}@{digest}"


def tracked(root: Path) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in listed.split("\0") if name and not (root / name).is_symlink()]


def in_git(source: Path, target: Path) -> Path:
    """Make a copy of a rendered cluster whose files git knows: Renovate sees no others."""
    subprocess.run(["cp", "-R", str(source), str(target)], check=True)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    subprocess.run(["git", "add", "--all"], cwd=target, check=True)
    return target


@pytest.fixture(scope="session", params=JUDGED)
def watched(request: pytest.FixtureRequest, render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Watched:
    folder = tmp_path_factory.mktemp("renovate")
    return Watched(in_git(render(JUDGED[request.param]), folder / "cluster"), folder / "work")


def test_every_place_of_every_version_is_seen_exactly_once(watched: Watched) -> None:
    problems = {}
    for name, pin in watched.pins.items():
        values = {pin, pin.removeprefix("v")}
        seen = sorted(found["file"] for found in watched.found if found["value"] in values)
        if not seen or seen != watched.places(pin):
            problems[name] = {"pin": pin, "stands in": watched.places(pin), "seen in": seen}
    assert problems == {}


def test_every_version_that_is_seen_is_a_recorded_pin(watched: Watched) -> None:
    pins = {spelling for pin in watched.pins.values() for spelling in (pin, pin.removeprefix("v"))}
    others = [found for found in watched.found if found["value"] not in pins]
    runners = {(f".github/workflows/{name}.yaml", "ubuntu") for name in ("update", "validate")}
    assert {(found["file"], found["depName"]) for found in others} <= runners


def test_every_version_that_is_seen_can_be_looked_up(watched: Watched) -> None:
    skipped = {found["depName"]: found["skipReason"] for found in watched.found if found.get("skipReason")}
    assert skipped.keys() <= {"ubuntu"}
    assert all(found.get("datasource") for found in watched.found)


def test_the_configuration_is_valid(watched: Watched, tmp_path: Path) -> None:
    assert renovate.objections(watched.root, tmp_path) == ""


def test_the_expressions_are_ones_that_renovate_itself_can_match(watched: Watched) -> None:
    text = (watched.root / ".renovaterc.json5").read_text()
    expressions = [json.loads(quoted) for quoted in re.findall(r'"(?:[^"\\]|\\.)*"', text)]
    assert [expression for expression in expressions if NOT_IN_RE2.search(expression)] == []


def test_every_place_that_follows_a_template_is_seen(render: Renderer, tmp_path: Path) -> None:
    root = in_git(render(EXAMPLES["minimal"]), tmp_path / "cluster")
    follows = "_commit: v1.0.0\n_src_path: https://github.com/copier-talos-flux/copier-talos-flux\n"
    places = [".copier-answers.yml", "kubernetes/apps/default/echo/.copier-answers.yml"]
    for place in places:
        (root / place).write_text(follows)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    (tmp_path / "work").mkdir()
    found = renovate.extract(root, tmp_path / "work")["copier"]
    assert sorted(file["packageFile"] for file in found) == places
    assert {dependency["currentValue"] for file in found for dependency in file["deps"]} == {"v1.0.0"}


def test_the_image_of_every_kind_of_app_is_seen_exactly_once(template: Path, render: Renderer, tmp_path: Path) -> None:
    root = in_git(render(EXAMPLES["minimal"]), tmp_path / "cluster")
    kinds: dict[str, dict[str, Any]] = {
        "helmrelease": {},
        "deployment": {"app_kind": "manifests"},
        "cronjob": {"app_kind": "manifests", "app_schedule": "@daily"},
    }
    digest = "sha256:" + "0" * 64
    for name, answers in kinds.items():
        image = {"app_image": f"ghcr.io/example/{name}", "app_tag": f"1.2.3@{digest}"}
        Adder(template).add("app", root / f"kubernetes/apps/default/a-{name}", image | answers)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    (tmp_path / "work").mkdir()
    found = renovate.extract(root, tmp_path / "work")
    seen = [
        (file["packageFile"], dependency["depName"], version(dependency))
        for files in found.values()
        for file in files
        for dependency in file["deps"]
        if "/example/" in dependency["depName"]
    ]
    assert sorted(seen) == [
        (f"kubernetes/apps/default/a-{name}/app/{name}.yaml", f"ghcr.io/example/{name}", f"1.2.3@{digest}")
        for name in sorted(kinds)
    ]


def test_an_image_under_another_key_is_seen_by_the_comment_above_it(render: Renderer, tmp_path: Path) -> None:
    root = in_git(render(EXAMPLES["minimal"]), tmp_path / "cluster")
    comment = "  # renovate: datasource=docker depName=ghcr.io/example/postgresql\n"
    image = f"kind: Cluster\nspec:\n{comment}  imageName: ghcr.io/example/postgresql:18.6-standard\n"
    (root / "kubernetes/apps/default/cluster.yaml").write_text(image)
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    (tmp_path / "work").mkdir()
    found = renovate.extract(root, tmp_path / "work")
    files = [file for files in found.values() for file in files if file["packageFile"].endswith("/cluster.yaml")]
    [dependency] = [dependency for file in files for dependency in file["deps"]]
    assert (dependency["depName"], version(dependency)) == ("ghcr.io/example/postgresql", "18.6-standard")


def test_encrypted_files_are_left_alone(render: Renderer, tmp_path: Path) -> None:
    root = in_git(render(EXAMPLES["sops"]), tmp_path / "cluster")
    release = next(root.glob("kubernetes/apps/default/echo/app/helmrelease.yaml"))
    (release.parent / "echo.sops.yaml").write_text(release.read_text())
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    (tmp_path / "work").mkdir()
    found = renovate.extract(root, tmp_path / "work")["flux"]
    assert not [file["packageFile"] for file in found if ".sops." in file["packageFile"]]


# --- What the checks know of it ---

# Texts that are JSON5, and texts that are nearly.
SYNTAX = (
    "{}", "{a: 1}", "{a: 1,}", "{a: 1,,}", "[1,]", "[,]", "{,}", "{'a': 'b\\'c'}", '{a: "x\\\ny"}', '{a: "x\ny"}',
    "{a: 0x1F, b: .5, c: +1, d: 1e3}", "{a: 01}", "{a: 00}", "{a: 1.2.3}", "{a: 1e}", "{a: .}", "{a: - 1}", "{a: tru}",
    "{a: b}", "{a b}", "{a: 1 b: 2}", '{"a": 1\n "b": 2}', "{a: 1} x", "  ", "// c\n{}", "/* x */ {a: 1 /* y */}",
    "{a: /* x }", "{$schema: 1, _b: 2, ä: 3}", "{\\u0061b: 1}", "{a-b: 1}", "{1: 2}", "{a: '\\x41\\u0042\\q\\0'}",
    '{a: "\\1"}', '{a: "\\x4"}', "[1 2]", "[1,2", "{a: [}", "{a: 1", '{"a": "b}', '{a: "tab\there"}', '{a: "\u2028"}',
    "\ufeff{a: 1}", "{true: 1, null: 2}", "{a: 0x}", '{a: "\\/"}', "{a: 1}//", "# c\n{}", '{a: "x", a: "y"}', "null",
)  # fmt: skip
VALUES = ('"x"', "true", '"true"', "3", "-3", '["x"]', "[]", "[{}]", "{}", "null", '["x", "y"]')
OF_TYPE = {"boolean": "true", "integer": "3", "array": '["x"]', "string": '"x"', "object": "{}"}
# What a regular expression, a schedule, a label or a place in a registry may be is left to Renovate.
LEFT_TO_RENOVATE = re.compile(
    "chedule|imezone|railer|egExp|allowedEnv|array of strings|key-value|not a string|is not iterable|not a function"
    r"|top level|config-validation|hostRules `allowInternal`|statusCheck|customDatasource|not supported|java-version"
    r"|Invalid env"
)


def test_what_is_json5_is_read_as_renovate_reads_it() -> None:
    for text, (value, errors, _) in zip(SYNTAX, renovate.judged([("a.json5", text) for text in SYNTAX]), strict=True):
        try:
            read, refused = json5.parsed(text), False
        except Unreadable:
            read, refused = None, True
        assert (read, refused) == (value, any(error.startswith("syntax") for error in errors)), text


def test_the_options_are_those_of_the_pinned_renovate() -> None:
    assert renovate_options.ARCHIVE.read_bytes() == renovate_options.packed(), "python -m tests.tools.renovate_options"


def test_renovate_refuses_an_option_exactly_where_the_checks_do() -> None:
    names = {name: option["type"] for name, option in known()["options"].items()}
    texts = [f"{{{json.dumps(name)}: {value}}}" for name in names for value in VALUES]
    places = ('{{packageRules: [{{matchManagers: ["flux"], {0}}}]}}', "{{hostRules: [{{{0}}}]}}", "{{flux: {{{0}}}}}")
    texts += [place.format(f"{json.dumps(name)}: {OF_TYPE[kind]}") for name, kind in names.items() for place in places]
    wrong = {}
    for text, (_, errors, _warnings) in zip(texts, renovate.judged([("a.json5", text) for text in texts]), strict=True):
        ours = [objection.text for objection in objections(json5.parsed(text)) if objection.is_refused]
        theirs = [error for error in errors if not LEFT_TO_RENOVATE.search(error)]
        if bool(ours) != bool(errors) and (ours or theirs):
            wrong[text] = {"ours": ours, "theirs": errors}
    assert wrong == {}


def test_the_checks_refuse_no_option_of_former_versions() -> None:
    texts = [f'{{packageRules: [{{groupName: "x", {json.dumps(name)}: ["x"]}}]}}' for name in known()["former"]]
    for text, (_, errors, _warnings) in zip(texts, renovate.judged([("a.json5", text) for text in texts]), strict=True):
        assert errors or not any(objection.is_refused for objection in objections(json5.parsed(text))), text


def test_renovate_refuses_each_configuration_that_the_checks_refuse(render: Renderer) -> None:
    good = (render(EXAMPLES["minimal"]) / RENOVATE).read_text()
    changes: list[Mutation | Harmless] = [*MUTATIONS, *HARMLESS]
    judged = renovate.judged([(RENOVATE, good.replace(*change.replaces[RENOVATE])) for change in changes])
    refused = {change.name for change, (_, errors, _warnings) in zip(changes, judged, strict=True) if errors}
    # A newer Renovate may have an option that no known one is like: that is a warning.
    refused -= {"an option that nobody knows"}
    # Renovate sees only when it runs that there is no such preset.
    presets = {change.name for change in MUTATIONS if "preset" in change.name and "whoever" not in change.name}
    assert refused | presets == {change.name for change in MUTATIONS if change.rule == "renovate-refused"}
