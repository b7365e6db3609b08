"""Our renderer writes the very files that Copier writes, and refuses where Copier would go on in silence."""

import json
import os
from pathlib import Path, PurePosixPath
from typing import Any

import copier
import pytest
import yaml

from talos_flux.errors import UserError
from talos_flux.repository.contents import File
from talos_flux.template.render import Template
from tests.conftest import one_worker_each
from tests.support.cases import AWKWARD, CASES, EXAMPLES
from tests.support.hostile import HOSTILE_PATHS, HOSTILE_TEXTS
from tests.support.needs import needs
from tests.support.render import VERSION, Renderer, files_in, git, quicker

ANSWERS_FILE = PurePosixPath(".copier-answers.yml")
Files = dict[PurePosixPath, File]


def written_in(folder: Path) -> Files:
    """Return what Copier wrote."""
    return {
        PurePosixPath(path): File((folder / path).read_bytes(), os.access(folder / path, os.X_OK))
        for path in files_in(folder)
    }


def assert_equal(found: Files, expected: Files) -> None:
    assert found.keys() == expected.keys()
    assert not [str(path) for path in found if found[path] != expected[path]]


def recorded(files: Files) -> dict[str, Any]:
    return yaml.safe_load(files[ANSWERS_FILE].content)


@pytest.fixture(scope="module")
def ours(template: Path) -> Template:
    """Provide the template of clusters, to render in process."""
    return Template(template, commit=VERSION, source=str(template))


class Miniature:
    """A small template in a git repository, which Copier and talos_flux.template.render can both render."""

    def __init__(self, folder: Path, files: dict[str, str]) -> None:
        self.folder = folder / "template"
        answers_file = "{{ _copier_conf.answers_file }}.jinja"
        for name, text in {answers_file: "{{ _copier_answers | to_nice_yaml }}", **files}.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            path.chmod(0o755 if path.suffix == ".sh" else 0o644)
        git(self.folder, "init", "--quiet")
        git(self.folder, "add", "--all")
        git(self.folder, "commit", "--quiet", "--message", "feat: first release")
        git(self.folder, "tag", VERSION)

    @property
    def ours(self) -> Template:
        return Template(self.folder, commit=VERSION, source=str(self.folder))

    def copied(self, data: dict[str, Any]) -> Files:
        """Return what the real Copier writes."""
        target = self.folder.with_name(f"copy-{len(list(self.folder.parent.iterdir()))}")
        copier.run_copy(str(self.folder), target, data=data, vcs_ref=VERSION, defaults=True, quiet=True)
        return written_in(target)


# --- The same files ---


one_of_each = pytest.mark.parametrize("name", one_worker_each([*EXAMPLES, "awkward"], {"anton", "everything"}))


@needs("copier")
@one_of_each
def test_a_cluster_is_rendered_as_copier_copies_it(name: str, render: Renderer, tmp_path: Path) -> None:
    with quicker():
        copied = render.into(tmp_path / "copy", CASES[name])
    assert_equal(written_in(render(CASES[name])), written_in(copied))


@pytest.mark.slow
@one_of_each
def test_recorded_answers_render_the_same_cluster_again(name: str, render: Renderer, ours: Template) -> None:
    expected = written_in(render(CASES[name]))
    assert_equal(ours.render(recorded(expected)), expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"timezone": "Europe/Berlin"},
        {"storage": "longhorn", "components": ["spegel"]},
        {"dns_provider": "none", "external_access": "none", "webhook_provider": "none"},
        {"external_access": "direct", "external_dns_target": "home.example.net", "ingress_backend": "envoy-gateway"},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_recorded_answers_and_a_changed_one_render_as_a_copy_with_it(
    render: Renderer, ours: Template, changes: dict[str, Any]
) -> None:
    before = EXAMPLES["everything"] | {"cluster_name": "before"}
    found = ours.render(recorded(ours.render({}, before)), changes)
    # A switched-off component's answers are forgotten, so a copy that is given them differs in nothing.
    assert_equal(found, written_in(render(before | changes)))


def test_recorded_answers_are_read_as_copier_reads_them(template: Path, ours: Template, tmp_path: Path) -> None:
    """Written by hand: out of order, of another type, of a question that does not apply, of none at all."""
    answers = recorded(ours.render({}, AWKWARD)) | {
        "components": ["kubeai", "monitoring"],
        "pin_reloader": 2.2,
        "advanced": "yes",
        "bgp_router_asn": 64513,
        "an_old_question": 1,
    }
    (tmp_path / ANSWERS_FILE).write_text(yaml.safe_dump(answers, sort_keys=False))
    data = {"timezone": "Europe/Berlin"}
    with quicker():
        copier.run_recopy(tmp_path, data=data, vcs_ref=VERSION, defaults=True, overwrite=True, quiet=True)
    assert_equal(ours.render(answers, data), written_in(tmp_path))


def test_the_answers_are_those_that_copier_computes(template: Path, ours: Template, tmp_path: Path) -> None:
    with quicker():
        worker = copier.run_copy(str(template), tmp_path, data=AWKWARD, vcs_ref=VERSION, defaults=True, quiet=True)
    questions = Renderer(template, tmp_path).all_names
    expected = {name: value for name, value in worker.answers.combined.items() if name in questions}
    assert ours.answers({}, AWKWARD) == expected


# --- What a template may do ---

GENERATORS = """
_subdirectory: "generators/{{ generator }}"
generator: {type: str, default: app, ask: false}
names: {type: yaml, default: [a, b/c], when: "{{ generator == 'app' }}"}
port: {type: int, default: "{{ 80 + names | length }}", when: "{{ generator == 'app' }}"}
owner: {type: str, default: "{{ UNSET }}", when: "{{ generator == 'namespace' }}"}
size:
  type: int
  multiselect: true
  choices: {small: 1, "{{ generator }}": {value: 2, validator: "{{ 'two is too many' if generator != 'app' }}"}}
  default: "[1]"
mark: {type: str, default: "{% from 'mark.jinja' import mark %}{{ mark }}", when: false}
shown: {type: yaml, default: "{{ [port | string, owner is defined, size] | to_json }}", when: false}
"""
FILES = {
    "copier.yml": GENERATORS,
    "mark.jinja": "{% set mark = '+' %}",
    "generators/app/{% yield name from names %}{{ name }}{{ mark }}{% endyield %}/{{ name }}.txt.jinja": "{{ shown }}",
    "generators/app/run.sh": "{{ as it is }}\n",
    "generators/app/{% if 2 in size %}two.txt{% endif %}": "two\n",
    "generators/app/both.txt": "not this one\n",
    "generators/app/both.txt.jinja": "{{ _copier_conf.data | to_json }} {{ _copier_phase }}\n",
    "generators/app/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
    "generators/namespace/{% if owner is defined %}{{ owner }}{% endif %}.txt.jinja": "{{ names }} {{ port }}\n",
    "generators/namespace/{{ _copier_conf.answers_file }}.jinja": "{{ _copier_answers | to_nice_yaml }}",
}
TWO_YIELDS = "{% yield b from [1] %}{% endyield %}{% yield c from [1] %}{% endyield %}"


@pytest.fixture
def generators(tmp_path: Path) -> Miniature:
    return Miniature(tmp_path, FILES)


@pytest.mark.parametrize(
    "data",
    [{}, {"names": ["x"], "size": [2, 1]}, {"generator": "namespace", "owner": "me"}, {"owner": "nobody asked"}],
    ids=["defaults", "answers", "another folder", "an answer that does not apply"],
)
def test_each_generator_has_its_own_folder(generators: Miniature, data: dict[str, Any]) -> None:
    assert_equal(generators.ours.render({}, data), generators.copied(data))


def test_what_is_excluded_by_default_is_excluded(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, {"copier.yml": "word: text", "docs/~draft.md": "", "docs/{{ word }}.md": ""})
    files = miniature.ours.render({})
    assert_equal(files, miniature.copied({}))
    assert set(files) == {ANSWERS_FILE, PurePosixPath("docs/text.md")}


def test_a_pattern_of_the_template_excludes(tmp_path: Path) -> None:
    config = "_exclude: [.git, '/*.md', '{{ word }}']\nword: text"
    miniature = Miniature(tmp_path, {"copier.yml": config, "a.md": "", "b/a.md": "", "b/text/c": ""})
    files = miniature.ours.render({})
    assert_equal(files, miniature.copied({}))
    assert {ANSWERS_FILE, PurePosixPath("copier.yml"), PurePosixPath("b/a.md")} == set(files)


def test_two_versions_do_not_mix(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    name = "{% yield n from names %}{{ n }}{% endyield %}.txt.jinja"
    old = Miniature(first, {"copier.yml": "names: {type: yaml, default: [a, b]}", name: "{{ n }} old"})
    new = Miniature(second, {"copier.yml": "names: {type: yaml, default: [b, c]}", name: "{{ n }} new"})
    ours, theirs = old.ours, new.ours
    for _ in range(2):
        assert_equal(ours.render({}), old.copied({}))
        assert_equal(theirs.render({}), new.copied({}))


def test_the_destination_is_what_the_template_says_it_is(tmp_path: Path) -> None:
    files = {"copier.yml": "folder: '{{ _folder_name }}'", "{{ folder }}.txt.jinja": "{{ _copier_conf.dst_path }}"}
    found = Miniature(tmp_path, files).ours.render({}, destination=Path("apps/media/jellyfin"))
    assert found[PurePosixPath("jellyfin.txt")].content == b"apps/media/jellyfin"


def test_a_default_that_nothing_uses_is_not_computed(tmp_path: Path) -> None:
    config = "broken: {type: int, default: '{{ 1 // 0 }}', when: false}\nused: false"
    ours = Miniature(tmp_path, {"copier.yml": config, "{% if used %}file{% endif %}.jinja": "{{ broken }}"}).ours
    assert set(ours.render({})) == {ANSWERS_FILE}
    with pytest.raises(UserError, match="the default of broken can't be computed: .*zero"):
        ours.render({}, {"used": True})


def test_a_render_changes_nothing_but_what_it_returns(tmp_path: Path) -> None:
    config = "names: {type: yaml, default: [a]}\nmap: {type: yaml, default: {a: []}, when: false}"
    text = "{% set _ = names.append('b') %}{% set _ = map.a.append(1) %}{{ names }} {{ map }}"
    miniature = Miniature(tmp_path, {"copier.yml": config, "x.jinja": text})
    ours, given = miniature.ours, {"names": ["z"]}
    before = written_in(tmp_path)
    first = ours.render(given)
    assert first == ours.render(given) == ours.render({}, given)
    assert first[PurePosixPath("x")].content == b"['z', 'b'] {'a': [1]}"
    assert given == {"names": ["z"]}
    assert written_in(tmp_path) == before


# --- Refusals ---


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        ({"domain": "Example"}, "domain can't be 'Example': Example is not a domain"),
        ({"storage": "zfs"}, "storage can't be 'zfs': 'zfs' is not in"),
        ({"pod_cidr": "192.168.0.0/16"}, "pod_cidr can't be '192.168.0.0/16': 192.168.0.0/16 overlaps"),
        ({"external_access": "direct", "dns_provider": "none"}, "external_access can't be 'direct': direct needs"),
        ({"components": "monitoring"}, "components can't be 'monitoring': Not a YAML list"),
        ({"vlan_id": 5000}, "vlan_id can't be 5000: 5000 is not a VLAN id"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_a_refused_answer_is_named_recorded_or_given(ours: Template, change: dict[str, Any], refusal: str) -> None:
    answers = recorded(ours.render({}, EXAMPLES["anton"]))
    for arguments in ((answers | change,), (answers, change)):
        with pytest.raises(UserError, match=f"^{refusal}.*\\.$"):
            ours.render(*arguments)


def test_an_answer_that_identifies_the_cluster_must_be_recorded(ours: Template) -> None:
    answers = recorded(ours.render({}, EXAMPLES["anton"]))
    del answers["domain"]
    with pytest.raises(UserError, match="^domain needs an answer"):
        ours.render(answers)
    assert ours.render(answers, {"domain": "example.org"})


def test_an_answer_to_no_question_is_refused(ours: Template) -> None:
    with pytest.raises(UserError, match="^time_zone is no question of the template"):
        ours.render({}, {"time_zone": "Europe/Berlin"})


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ("_tasks: [touch it]", "_tasks"),
        ("_migrations: [touch it]", "_migrations"),
        ("_jinja_extensions: [jinja2.ext.debug]", "_jinja_extensions"),
        ("_external_data: {a: a.yml}", "_external_data"),
        ("_skip_if_exists: [a]", "_skip_if_exists"),
        ("_secret_questions: [a]\na: b", "_secret_questions, the secret question a"),
        ("a: {type: str, default: b, secret: true}", "the secret question a"),
        ("_answers_file: '{{ a }}.yml'\na: b", "a templated _answers_file"),
        ("_templates_suffix: ''", "an empty _templates_suffix"),
    ],
)
def test_a_template_that_needs_more_than_rendering_is_refused(tmp_path: Path, setting: str, named: str) -> None:
    with pytest.raises(UserError, match=f"can't be rendered here: it has {named}\\.$"):
        _ = Miniature(tmp_path, {"copier.yml": setting}).ours


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"copier.yml": "a: ["}, "can't be used"),
        ({"copier.yml": "_min_copier_version: '99'"}, "can't be used: This template requires Copier version >= 99"),
        ({"copier.yml": "a: {type: date, default: 1}"}, "the default of a is refused: .*date"),
        ({"copier.yml": "_subdirectory: ../../"}, "has no folder ../../"),
        ({"copier.yml": "a: ../x", "{{ a }}.jinja": ""}, r"would be written to \.\./x, outside"),
        ({"copier.yml": "a: x", "{{ a }}": "1", "x": "2"}, "two files of the template .* would be written to x"),
        ({"copier.yml": "a: 1", "x.jinja": "{{ a.b.c }}"}, "x.jinja of the template .* can't be rendered: "),
        ({"copier.yml": "a: 1", "{{ a.b.c }}": ""}, "the name of {{ a.b.c }} in the template"),
        ({"copier.yml": "a: 1", "x.jinja": "{% yield b from [1] %}{% endyield %}"}, "x.jinja .* has a yield tag"),
        ({"copier.yml": "a: 1", TWO_YIELDS: ""}, "Only one yield tag is allowed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_broken_template_says_what_is_broken(tmp_path: Path, files: dict[str, str], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        Miniature(tmp_path, files).ours.render({})


def test_a_symlink_in_the_template_is_refused(tmp_path: Path) -> None:
    miniature = Miniature(tmp_path, {"copier.yml": "a: 1"})
    (miniature.folder / "link").symlink_to("copier.yml")
    with pytest.raises(UserError, match="link is a symlink"):
        miniature.ours.render({})


# --- A hostile template ---


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_a_template_writes_neither_into_git_nor_outside(path: str, tmp_path: Path) -> None:
    template = Miniature(tmp_path, {"copier.yml": f"_exclude: []\na: {json.dumps(path)}", "{{ a }}": "touch it"}).ours
    with pytest.raises(UserError, match=r"would be written to .*(git's own|the tools' own|outside of its folder)"):
        template.render({})


@pytest.mark.parametrize("path", [".github/x", ".gitignore", ".gitattributes", "git", "legit~1x", ".gitx/y", "a.git/x"])
def test_a_path_that_only_looks_like_gits_is_one_like_any(path: str, tmp_path: Path) -> None:
    template = Miniature(tmp_path, {"copier.yml": f"a: {path}", "{{ a }}": "fine"}).ours
    assert PurePosixPath(path) in template.render({})


@pytest.mark.parametrize("text", HOSTILE_TEXTS)
def test_a_template_sees_answers_and_nothing_else(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPDATE_TOKEN", "ghp_secret")
    template = Miniature(tmp_path, {"copier.yml": "a: 1", "x.jinja": text}).ours
    try:
        [content] = [file.content for path, file in template.render({}).items() if path.name == "x"]
    except UserError:
        return
    hostname = Path("/etc/hostname").read_bytes().strip()
    assert not any(secret in content for secret in (b"ghp_secret", b"/root", hostname, b"<class", b"environ", b"/etc/"))
