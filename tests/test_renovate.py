"""The real Renovate accepts a cluster's configuration, and sees each of its versions exactly once."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.additions import Adder
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.tools import renovate

pytestmark = [needs("renovate"), pytest.mark.full, pytest.mark.xdist_group("renovate")]

# Together they have every component, both hosts of CI and no outside at all.
JUDGED = ("anton", "envoy-gateway", "everything", "internal-only")
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
    return Watched(in_git(render(EXAMPLES[request.param]), folder / "cluster"), folder / "work")


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


def test_encrypted_files_are_left_alone(render: Renderer, tmp_path: Path) -> None:
    root = in_git(render(EXAMPLES["sops"]), tmp_path / "cluster")
    release = next(root.glob("kubernetes/apps/default/echo/app/helmrelease.yaml"))
    (release.parent / "echo.sops.yaml").write_text(release.read_text())
    subprocess.run(["git", "add", "--all"], cwd=root, check=True)
    (tmp_path / "work").mkdir()
    found = renovate.extract(root, tmp_path / "work")["flux"]
    assert not [file["packageFile"] for file in found if ".sops." in file["packageFile"]]
