"""What a generator adds that has no table of its own in the tests: its record says what it is judged by."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from talos_flux.errors import UserError
from talos_flux.template.render import Template
from tests.conftest import one_worker_each
from tests.doubles.workplace import environment
from tests.support.additions import Adder
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.questions import questions
from tests.support.render import VERSION, Renderer, git
from tests.support.repository import Repository
from tests.test_manifests import (  # noqa: F401  (the same promises, of a cluster with what was added)
    applied,
    test_every_app_gets_the_settings,
    test_every_object_is_applied_once,
    test_every_object_of_an_app_is_in_its_namespace,
    test_flux_reaches_every_kustomization,
    test_the_api_server_accepts_every_object,
)
from tests.test_render import (  # noqa: F401
    test_every_app_follows_a_tier_and_waits_for_none_slower,
    test_every_custom_resource_comes_after_the_app_that_brings_its_kind,
    test_every_dependency_exists_and_none_is_circular,
    test_every_kustomization_agrees_with_its_folder,
    test_every_namespace_lists_all_its_apps_and_nothing_else,
    test_every_yaml_file_parses_without_duplicate_keys,
    test_every_yaml_file_passes_the_clusters_own_yamllint,
    test_no_template_mark_is_left,
)
from tests.tools.records.generator import Record, records

RECORDS = [each for each in records() if each.answers]
# Each example, in a cluster that has what it takes over: by the generator's name and the example's number.
EXAMPLES: dict[str, tuple[Record, dict[str, Any]]] = {
    f"{each.name}-{number}": (each, example)
    for each in RECORDS
    for number, example in enumerate(each.examples, start=1)
}
FOLDER = "kubernetes/apps/media/films"


def of_the_cluster(each: Record, example: dict[str, Any]) -> dict[str, Any]:
    return {**each.cluster, **{name: example[name] for name in each.takes_over if name in example}}


def added(template: Path, rendered: Path, root: Path, example: str) -> None:
    """Make a cluster, and add the example to it."""
    each, answers = EXAMPLES[example]
    own = {name: answer for name, answer in answers.items() if name not in (*each.takes_over, each.record)}
    Adder(template).make_cluster(root, rendered, {}, only=())
    if each.reads:
        write_component(root / answers[each.reads], answers[each.record])
    Adder(template).add(each.name, root / FOLDER, own)


def write_component(folder: Path, said: dict[str, Any]) -> None:
    """Write the folder of a component of which this is recorded."""
    folder.mkdir(parents=True)
    files, pins = said["files"], {name: {"version": version} for name, version in said["pins"].items()}
    record = {key: value for key, value in said.items() if value and key not in ("files", "pins", "chart")}
    chart = {"chart": {"name": said["chart"]["name"], "url": said["chart"]["url"]}} if said["chart"] else {}
    of_a_cluster = {"does": "shows films", "namespace": "media", "pins": pins}
    lines = [f"{key}: {json.dumps(value)}" for key, value in {**of_a_cluster, **record, **chart}.items()]
    (folder / "component.yaml").write_text("\n".join(["---", *lines, ""]))
    for name, text in files.items():
        (folder / name).write_text(text)


@pytest.fixture(scope="session", params=one_worker_each(EXAMPLES, in_make_test=[f"{each.name}-1" for each in RECORDS]))
def cluster(
    request: pytest.FixtureRequest, template: Path, render: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Repository:
    """Provide a cluster with an example of what a generator adds."""
    answers = of_the_cluster(*EXAMPLES[request.param])
    root = tmp_path_factory.mktemp("additions") / "cluster"
    added(template, render(answers), root, request.param)
    return Repository(root, answers)


pytestmark = needs("flux-build", "gitleaks", "kube-apiserver", "kustomize")


@pytest.mark.full
def test_the_clusters_own_checks_find_nothing_in_what_was_added(cluster: Repository) -> None:
    git(cluster.root, "init", "--quiet")
    git(cluster.root, "add", "--all")
    done = subprocess.run(
        [*TALOS_FLUX, "check", FOLDER], cwd=cluster.root, env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


# --- Answers ---


@pytest.fixture(scope="module")
def ours(template: Path) -> Template:
    """Provide the template, to answer its questions."""
    return Template(template, commit=VERSION, source=str(template))


@pytest.mark.parametrize(
    ("each", "name", "answer"),
    [
        pytest.param(each, name, answer, id=f"{name}-{answer}")
        for each in RECORDS
        for name, told in each.answers.items()
        for answer in told.good
    ],
)
def test_a_good_answer_is_recorded(each: Record, name: str, answer: object, ours: Template) -> None:
    assert ours.recorded({}, {**each.additions[0], name: answer})[name] == answer


@pytest.mark.parametrize(
    ("each", "name", "bad"),
    [
        pytest.param(each, name, bad, id=f"{name}-{bad['answer']}")
        for each in RECORDS
        for name, told in each.answers.items()
        for bad in told.bad
    ],
)
def test_a_bad_answer_is_refused_in_a_sentence(each: Record, name: str, bad: dict[str, Any], ours: Template) -> None:
    with pytest.raises(UserError) as refusal:
        ours.recorded({}, {**each.additions[0], **bad.get("with", {}), name: bad["answer"]})
    said = str(refusal.value)
    assert said.startswith(f"{name} can't be ") and bad["words"] in said, said
    assert "\n" not in said and said.endswith(".")


@pytest.mark.parametrize("each", RECORDS, ids=str)
def test_every_rule_has_a_bad_answer_and_every_question_is_asked_in_an_example(each: Record, ours: Template) -> None:
    own = questions(each.name)
    ruled = {name for name, question in own.items() if "validator" in question}
    assert {name for name in ruled if not each.answers[name].bad} == set()
    recorded = {name for answers in each.additions for name in ours.recorded({}, answers)}
    assert {name for name, question in own.items() if question.get("when") is not False} - recorded == set()
