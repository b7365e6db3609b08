"""check-flux-config finds each defect at its line, and nothing in a good cluster."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from talos_flux.check import output
from talos_flux.check.graph_mermaid import ids_of
from talos_flux.check.rule import Finding
from talos_flux.check.rules import RULES, findings
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from tests.conftest import WITNESSES, one_worker_each
from tests.mutations import HARMLESS, MUTATIONS
from tests.mutations.mutation import APP, OTHER, ROOT, Harmless, Mutation
from tests.support import app_cases
from tests.support.additions import Adder
from tests.support.cases import CASES
from tests.support.commands import TALOS_FLUX
from tests.support.needs import needs
from tests.support.render import Renderer, git
from tests.tools import schemas


def found(root: Path) -> list[Finding]:
    return findings(Cluster(root))


# --- Good clusters ---


@pytest.mark.slow
@pytest.mark.parametrize("name", one_worker_each(CASES, WITNESSES))
def test_nothing_is_found_in_a_new_cluster(name: str, render: Renderer) -> None:
    assert list(map(str, found(render(CASES[name])))) == []


@pytest.fixture(scope="module", params=one_worker_each(app_cases.CLUSTERS, {"envoy-onepassword-longhorn"}))
def crowded(
    request: pytest.FixtureRequest, template: Path, render: Renderer, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Provide a cluster with every app of the table, sixty and more."""
    answers = app_cases.CLUSTERS[request.param]
    root = tmp_path_factory.mktemp("crowded") / "cluster"
    Adder(template).make_cluster(root, render(answers), answers)
    return root


@pytest.mark.slow
@pytest.mark.full
def test_nothing_is_found_with_sixty_apps(crowded: Path) -> None:
    assert len(Cluster(crowded).kustomizations) >= 60
    assert list(map(str, found(crowded))) == []


# --- Defects ---


@pytest.fixture(scope="module")
def good(template: Path, render: Renderer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide the cluster that every mutation starts from, with only the apps that one of them names."""
    root = tmp_path_factory.mktemp("good") / "cluster"
    mentioned = " ".join(map(str, (*MUTATIONS, *HARMLESS)))
    named = {f"{namespace}/{name}" for namespace, name, _ in app_cases.apps({}) if name in mentioned}
    Adder(template).make_cluster(root, render({}), {}, only=named)
    return root


def mutate(good: Path, root: Path, mutation: Mutation | Harmless) -> Path:
    """Make a copy with the defect in it, with links to the files that stay the same."""
    shutil.copytree(good, root, copy_function=os.link)
    for path, (old, new) in mutation.replaces.items():
        text = (root / path).read_text()
        assert text.count(old) == 1, f"{path} has {old!r} {text.count(old)} times"
        replace(root / path, text.replace(old, new))
    for path, text in mutation.writes.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        replace(root / path, text)
    for path in mutation.deletes:
        (root / path).unlink()
    return root


def replace(path: Path, text: str) -> None:
    """Write a file anew, and not what it is a link to."""
    path.unlink(missing_ok=True)
    path.write_text(text)


def line_of(path: Path, start: str) -> int:
    """Return the number of the one line that starts so: without its indentation, or with it where several do."""
    lines = list(enumerate(path.read_text().splitlines(), 1))
    numbers = [number for number, line in lines if line.lstrip(" -").startswith(start)]
    if len(numbers) > 1:
        numbers = [number for number, line in lines if line.startswith(start)]
    assert len(numbers) == 1, f"{path.name} has {len(numbers)} lines that start with {start}"
    return numbers[0]


def one_a_rule() -> list[Any]:
    """Every mutation as a parameter; make test has the first of each rule."""
    seen: set[str] = set()
    parameters = []
    for mutation in MUTATIONS:
        marks = [pytest.mark.full] if mutation.rule in seen else []
        parameters.append(pytest.param(mutation, marks=marks, id=mutation.name.replace(" ", "-")))
        seen.add(mutation.rule)
    return parameters


@pytest.mark.slow
@pytest.mark.parametrize("mutation", one_a_rule())
def test_a_defect_is_found_at_its_line_and_nothing_else(mutation: Mutation, good: Path, tmp_path: Path) -> None:
    root = mutate(good, tmp_path / "cluster", mutation)
    what = [(one.rule.id, one.place.path, one.place.line) for one in found(root)]
    assert what == [(mutation.rule, mutation.found_in, line_of(root / mutation.found_in, mutation.at))], [
        str(one) for one in found(root)
    ]


@pytest.mark.full
@pytest.mark.parametrize("change", HARMLESS, ids=lambda change: change.name.replace(" ", "-"))
def test_nothing_is_found_after_a_change_that_does_no_harm(change: Harmless, good: Path, tmp_path: Path) -> None:
    assert list(map(str, found(mutate(good, tmp_path / "cluster", change)))) == []


@pytest.mark.full
def test_a_components_patch_is_fine_where_one_app_has_a_use_for_it(good: Path, tmp_path: Path) -> None:
    mutation = next(one for one in MUTATIONS if one.name == "a component's patch that no app has a use for")
    root = mutate(good, tmp_path / "cluster", mutation)
    listing = root / OTHER / "app/kustomization.yaml"
    replace(listing, f"{listing.read_text()}components:\n  - ../../../../components/parts\n")
    component = root / mutation.found_in
    replace(component, component.read_text().replace("name: nobody", "name: app-template-external-.*"))
    assert found(root) == []


@pytest.mark.full
def test_what_the_parent_waits_for_is_waited_for(good: Path, tmp_path: Path) -> None:
    mutation = next(one for one in MUTATIONS if one.name == "a record that comes before external-dns")
    root = mutate(good, tmp_path / "cluster", mutation)
    ks = root / ROOT
    assert [one.rule.id for one in found(root)] == ["provider-not-awaited"]
    replace(
        ks, ks.read_text().replace("    - name: cluster-meta\n", "    - name: cluster-meta\n    - name: external-dns\n")
    )
    assert "provider-not-awaited" not in {one.rule.id for one in found(root)}


@pytest.mark.parametrize(
    ("wanted", "meant"),
    [("nginx-interna", "nginx-internal"), ("cilium-ready", "cilium"), ("cluster-apps-cilium", "cilium")],
)
@pytest.mark.full
def test_what_a_dependency_was_meant_to_be_is_said(wanted: str, meant: str, good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    ks = root / APP / "ks.yaml"
    ks.write_text(ks.read_text().replace("- name: local-path-provisioner\n", f"- name: {wanted}\n"))
    (text,) = [one.text for one in found(root) if one.rule.id == "depends-on-unknown"]
    assert text.endswith(f"which is not there: did you mean {meant}?")


def test_every_rule_has_a_mutation() -> None:
    assert RULES.keys() - {mutation.rule for mutation in MUTATIONS} == set()
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_why_and_what_to_do(rule) -> None:  # type: ignore[no-untyped-def]
    assert rule.why.endswith(".") and rule.fix.endswith(".")
    assert rule.check.__doc__


@needs("copier")
def test_the_schemas_are_those_of_the_pinned_modules() -> None:
    assert schemas.ARCHIVE.read_bytes() == schemas.packed(), "python -m tests.tools.schemas makes them anew"


# --- The command ---


def check(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*TALOS_FLUX, "check", *words], cwd=root, capture_output=True, text=True, check=False)


@pytest.fixture
def wrong(good: Path, tmp_path: Path) -> Path:
    """Provide a cluster with an error and a warning."""
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    ks = root / APP / "ks.yaml"
    ks.write_text(ks.read_text().replace("  timeout: 10m\n", "").replace("/app\n", "/ap\n"))
    return root


@pytest.mark.slow
def test_the_exit_code_says_how_bad_it_is(good: Path, wrong: Path) -> None:
    assert check(good).returncode == 0
    assert check(wrong).returncode == 2
    assert check(wrong, "--rule=no-timeout").returncode == 1
    assert check(wrong, "kubernetes/apps/network").returncode == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--rule=no-such-rule"], "no-such-rule is no rule. --explain all lists them."),
        (["--rule=no-timeouts"], "no-timeouts is no rule: did you mean no-timeout? --explain all lists them."),
        (["--explain=no-timeouts"], "no-timeouts is no rule: did you mean no-timeout? --explain all lists them."),
        (["no/such/path"], "no/such/path is not there."),
        (["/etc"], "/etc is not in "),
        (["--root=docs"], "no Flux Kustomization that can be read applies others"),
        (["--root=no/such/path"], "no/such/path is no folder."),
        (["--root=README.md"], "README.md is no folder."),
    ],
)
@pytest.mark.full
def test_what_can_not_be_checked_is_one_sentence(words: list[str], said: str, wrong: Path) -> None:
    done = check(wrong, *words)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"error: {said}") and done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_rule_is_explained(good: Path) -> None:
    rule = RULES["no-timeout"]
    done = check(good, "--explain=no-timeout")
    assert (done.returncode, done.stdout) == (0, f"no-timeout (warning)\n  {rule.why}\n  {rule.fix}\n")
    every = check(good, "--explain=all").stdout
    assert done.stdout in every
    assert {line.partition(" ")[0] for line in every.splitlines() if not line.startswith(" ")} == RULES.keys()


@pytest.mark.slow
@pytest.mark.full
def test_github_annotates_the_lines(wrong: Path) -> None:
    ks = wrong / APP / "ks.yaml"
    said = check(wrong, "--format=github").stdout
    assert f"::error file={APP}/ks.yaml,line={line_of(ks, 'path:')}::" in said
    assert f"::warning file={APP}/ks.yaml,line={line_of(ks, 'spec:')}::" in said


def test_github_is_told_the_right_file_whatever_that_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    output.annotate([Finding(RULES["not-yaml"], Place("a, b: 100%.yaml", 7), "is no\nYAML")])
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("::error file=a%2C b%3A 100%25.yaml,line=7::is no%0AYAML [not-yaml].")


@pytest.mark.slow
@pytest.mark.full
def test_programs_read_the_same(wrong: Path) -> None:
    said = json.loads(check(wrong, "--json").stdout)
    assert {(one["rule"], one["severity"], one["path"]) for one in said} == {
        ("no-timeout", "warning", f"{APP}/ks.yaml"),
        ("path-unknown", "error", f"{APP}/ks.yaml"),
    }


@pytest.mark.slow
@pytest.mark.full
def test_the_graph_is_one_that_mermaid_draws(good: Path) -> None:
    done = check(good, "--graph")
    assert done.returncode == 0
    head, *lines = done.stdout.splitlines()
    assert head == "flowchart LR"
    nodes = [match for line in lines if (match := re.fullmatch(r'    (\w+)\["([^"]+)"\]', line))]
    arrows = [match for line in lines if (match := re.fullmatch(r"  (\w+) --> (\w+)", line))]
    boxes = [match[1] for line in lines if (match := re.fullmatch(r'  subgraph \w+\["([^"]+)"\]', line))]
    assert len(nodes) + len(arrows) + len(boxes) + lines.count("  end") == len(lines)
    ids = {match[1]: match[2] for match in nodes}
    assert len(ids) == len(nodes) == len(Cluster(good).kustomizations)
    assert {match[number] for match in arrows for number in (1, 2)} <= ids.keys()
    assert ("app-template-internal-none", "nginx-internal") in {(ids[match[1]], ids[match[2]]) for match in arrows}
    assert boxes == sorted(set(boxes)) and {"media", "network", "flux-system"} <= set(boxes)
    assert check(good, "--graph").stdout == check(good, "--graph=mermaid").stdout == done.stdout
    assert check(good, "--graph=svg").stdout.startswith("<svg ")


def test_names_that_differ_in_their_punctuation_alone_are_two_in_the_graph() -> None:
    keys = [("a", "b-c"), ("a-b", "c"), ("a", "b.c"), ("flux-system", "end")]
    ids = ids_of(keys)
    assert len(set(ids.values())) == len(keys) and all(re.fullmatch(r"[a-z]\w+", one) for one in ids.values())
    assert ids_of(reversed(keys)) == ids


@pytest.mark.parametrize("place", ["end of the line", "above", "head"])
@pytest.mark.full
def test_a_finding_is_waived_with_a_reason(place: str, good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    ks = root / APP / "ks.yaml"
    comment = "# allow path-unknown: the folder comes next week"
    wrong = ks.read_text().replace("/app\n", "/ap\n")
    line = next(line for line in wrong.splitlines() if "path:" in line)
    texts = {
        "end of the line": wrong.replace(line, f"{line} {comment}"),
        "above": wrong.replace(line, f"  {comment}\n{line}"),
        "head": wrong.replace("---\n", f"---\n{comment}\n", 1),
    }
    ks.write_text(texts[place])
    assert found(root) == []
    ks.write_text(texts[place].replace(": the folder comes next week", ""))
    assert {one.rule.id for one in found(root)} == {"path-unknown", "waiver-without-reason"}


@pytest.mark.slow
@pytest.mark.full
def test_without_git_the_same_is_found(wrong: Path) -> None:
    before = list(map(str, found(wrong)))
    git(wrong, "init", "--quiet")
    git(wrong, "add", "--all")
    assert list(map(str, found(wrong))) == before


# --- Bad input ---

BOMB = "---\na: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"a: [\n", "is no YAML: "),
        (b"\ta: 1\n", "is no YAML: "),
        (b"a: 1\n\tb: 2\n", "is no YAML: "),
        (BOMB.encode(), "spells out more than 200000 values"),
        (b"a: &a\n  b: *a\n", "holds an alias that leads back to itself"),
        (b"[" * 5000, "is no YAML: "),
        pytest.param(b"a: " + b"x" * 10_000_000, "is larger than 2 MB and is not read", id="10 MB"),
        (b"%YAML 9.9\n", "is no YAML: "),
        (b"a: !!int x\n", "is no YAML: "),
        (b"? {a: 1}\n: [b]\n", ""),
        (b"\x00\x01\x02", "is binary, or text that is not in UTF-8"),
        ("a: 1\n".encode("utf-16"), "is binary, or text that is not in UTF-8"),
        (b"\xff\xfe\xfa", "holds text that is not in UTF-8"),
        ("a: 1\n# für\n".encode("latin-1"), "2: holds text that is not in UTF-8"),
        (b"\xef\xbb\xbfa: 1\n", ""),
        (b"", ""),
        (b"--- \n...\n---\n", ""),
        (b"a: =\nb: !thing x\nc: &d 1\ne: &d 2\n", ""),
        ("ä: ö\r\nb:\r\n  - c\r\n".encode(), ""),
    ],
)
@pytest.mark.full
def test_bad_input_is_a_finding_and_no_traceback(content: bytes, reason: str, good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    (root / APP / "app" / "with a space.yaml").write_bytes(content)
    listing = root / APP / "app/kustomization.yaml"
    listing.write_text(f"{listing.read_text()}  # - ./with a space.yaml\n")
    (root / APP / "app/loop").symlink_to(root)
    done = check(root)
    assert "Traceback" not in done.stderr
    if reason:
        assert f"{APP}/app/with a space.yaml:" in done.stdout and reason in done.stdout
    assert done.returncode == (2 if reason else 0), done.stdout


@pytest.mark.full
def test_a_file_that_nobody_may_read_is_a_finding(good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    (root / APP / "ks.yaml").chmod(0)
    (root / OTHER / "app").chmod(0)
    try:
        done = as_anybody(root)
    finally:
        (root / OTHER / "app").chmod(0o755)
    assert "Traceback" not in done.stderr
    assert f"{APP}/ks.yaml:1: can't be read: Permission denied [not-yaml]" in done.stdout
    assert done.returncode == 2


def as_anybody(root: Path) -> subprocess.CompletedProcess[str]:
    """Run the check without the capabilities that let root read everything."""
    words = [*TALOS_FLUX, "check"]
    if os.geteuid() == 0:
        rights = "-dac_override,-dac_read_search"
        words = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}", *words]
    return subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("command", ["check", "validate"])
@pytest.mark.full
def test_where_flux_starts_nowhere_the_reason_is_said(command: str, good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    git(root, "init", "--quiet")
    with (root / ROOT).open("a") as ks:
        ks.write("a: [\n")
    done = subprocess.run([*TALOS_FLUX, command], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 3
    assert f"{ROOT}:" in done.stdout and "[not-yaml]" in done.stdout and "app-not-listed" not in done.stdout
    assert "error: no Flux Kustomization that can be read applies others" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "spec", ["patches: 5", "components: {a: b}", "sourceRef: [a]", "dependsOn: {a: b}", "path: []"]
)
@pytest.mark.full
def test_a_root_that_says_nonsense_is_no_traceback(spec: str, good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    text = (root / ROOT).read_text()
    key = spec.partition(":")[0]
    documents = [document for document in yaml.safe_load_all(text) if document]
    for document in documents:
        document["spec"][key] = yaml.safe_load(spec)[key]
    (root / ROOT).write_text(yaml.safe_dump_all(documents))
    done = check(root)
    assert "Traceback" not in done.stderr
    assert done.returncode in (2, 3)


@pytest.mark.full
def test_windows_line_ends_change_no_line_number(good: Path, tmp_path: Path) -> None:
    root = tmp_path / "cluster"
    shutil.copytree(good, root)
    ks = root / APP / "ks.yaml"
    ks.write_bytes(ks.read_text().replace("/app\n", "/ap\n").replace("\n", "\r\n").encode())
    (one,) = found(root)
    assert (one.rule.id, one.place.line) == ("path-unknown", line_of(ks, "path:"))
