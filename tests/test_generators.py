"""A generator is one folder: its record, questions and template. What else names it is made of the record."""

import json
from pathlib import Path

import pytest
import yaml

from talos_flux.repository.generators import generators
from tests.support.questions import questions
from tests.support.render import PROJECT
from tests.tools.records import generator
from tests.tools.records.generator import FOLDER, Record, all_tables, record, records

NEW = """\
---
title: A cache
does: Add a cache; asks how large it is
prefix: cache_
folder: kubernetes/apps/<namespace>/<name>
longest_name: 40
variable: CACHE
takes_over: [storage]
told: ["Cache {namespace}/{name} is new in {folder}."]
examples: [{cache_size: 1Gi}]
"""


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """Provide the record of a new generator."""
    path = tmp_path / "cache/generator.yaml"
    path.parent.mkdir()
    path.write_text(NEW)
    return path


def test_what_the_tools_know_of_a_generator_is_what_its_record_says() -> None:
    assert list(generators()) == [each.name for each in records()]
    for each in records():
        known = vars(generators()[each.name])
        assert known == {key: getattr(each, key) for key in known}


def test_a_new_generator_is_in_every_table_by_its_record_alone(new: Path) -> None:
    made = {path.relative_to(PROJECT).as_posix(): text for path, text in all_tables([*records(), record(new)]).items()}
    assert json.loads(made["src/talos_flux/data/generators.json"])["cache"]["prefix"] == "cache_"
    assert "  'cache': ['storage'],\n" in made["macros/generators.jinja"]
    assert made["copier.yml"].endswith("\n---\n!include generators/cache/questions.yml\n")
    tasks = yaml.safe_load(made["template/.taskfiles/apps/Taskfile.yaml"])["tasks"]
    assert tasks["new:cache"]["desc"].startswith("Add a cache; asks how large it is [CACHE=namespace/cache] ")
    assert 'addition("cache", help="Add a cache from the template,' in made["src/talos_flux/cli/cache/new.py"]
    assert 'help="Add caches."' in made["src/talos_flux/cli/cache/__init__.py"]
    assert yaml.safe_load(made["generators/cache/copier.yml"])["_tasks"][0]["command"][2] == "cache"


def test_what_stands_around_a_made_part_stays(new: Path) -> None:
    for name in ("copier.yml", "template/.taskfiles/apps/Taskfile.yaml"):
        with_it = all_tables([*records(), record(new)])[PROJECT / name]
        assert [line for line in (PROJECT / name).read_text().splitlines() if line not in with_it] == []


@pytest.mark.parametrize(
    ("old", "changed", "reason"),
    [("prefix:", "begins:", "begins is no key of a record"), ("variable: CACHE\n", "", "variable is missing")],
)
def test_a_record_that_is_wrong_is_refused(old: str, changed: str, reason: str, new: Path) -> None:
    new.write_text(NEW.replace(old, changed))
    with pytest.raises(ValueError, match=reason):
        record(new)


def test_every_folder_of_generators_has_a_record() -> None:
    assert [each.name for each in FOLDER.iterdir() if not (each / generator.RECORD).exists()] == []


@pytest.mark.parametrize("each", records(), ids=str)
def test_a_generator_asks_its_own_questions_and_takes_over_those_of_its_cluster(each: Record) -> None:
    own = questions(each.name)
    assert [name for name in each.takes_over if f"'{name}' in takes_over" not in questions()[name]["when"]] == []
    assert [name for name in each.looks_up if own[name]["when"] is not False] == []
    assert set(each.parts_of_the_path) <= own.keys()
    asked = {name for name, question in own.items() if question.get("when") is not False}
    assert [name for name in asked if not name.startswith(each.prefix)] == []
