"""What a text becomes once its variables are filled in is what Flux makes of it, whose own build is the judge."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from talos_flux.manifests.filled_in import filled_in
from talos_flux.manifests.post_build import VariableSet
from tests.support import tools
from tests.support.needs import needs
from tests.support.small_repository import LIST

BROKEN = "no YAML"
# What stands between the quotes of a field, the value of A, and what Flux makes of the field.
CASES: dict[tuple[str, str], Any] = {
    ("${A}", "text"): "text",
    ("${A}", "30"): 30, ("${A}", "004"): 4, ("${A}", "008"): 8.0, ("${A}", "2.4"): 2.4, ("${A}", "1e3"): 1000.0,
    ("${A}", "0x1F"): 31, ("${A}", "0o17"): 15, ("${A}", "0b11"): 3, ("${A}", "1_000"): 1000, ("${A}", "+12"): 12,
    ("${A}", ".5"): 0.5, ("${A}", "1."): 1.0, ("${A}", "-7"): -7,
    ("${A}", "true"): True, ("${A}", "yes"): True, ("${A}", "on"): True, ("${A}", "y"): True, ("${A}", "Off"): False,
    ("${A}", "N"): False, ("${A}", "yEs"): "yEs",
    ("${A}", "null"): None, ("${A}", "~"): None, ("${A}", ""): None, ("${A}", "Null"): None,
    ("${A}", "2026-11-30"): "2026-11-30", ("${A}", "12:30"): "12:30", ("${A}", "10.0.0.1"): "10.0.0.1",
    ("${A}", "1,000"): "1,000", ("${A}", "1.2.3"): "1.2.3", ("${A}", "nan"): "nan", ("${A}", "="): "=",
    ("${A}", ".inf"): BROKEN, ("${A}", ".NaN"): BROKEN,
    ("${A}", "{a: b}"): {}, ("${A}", "[a, b]"): [], ("${A}", "a #b"): "a", ("${A}", '"30"'): "30",
    ("${A}", "a: b"): BROKEN, ("${A}", "*x"): BROKEN, ("${A}", "@x"): BROKEN, ("${A}", "[a"): BROKEN,
    ("${A}", "- a"): BROKEN, ("${A}", "'a"): BROKEN, ("${A}", "%a"): BROKEN, ("${A}", "a:"): BROKEN,
    ("x ${A}", "30"): "x 30", ("1${A}", "30"): 130, ("${A}.5", "30"): 30.5, ("${B:=5}", ""): 5, ("${B:=x}", ""): "x",
    ("- ${A}", "30"): "- 30", ("[${A}]", "30"): "[30]", ("${A}: x", "30"): "30: x", ("${A} # x", "30"): "30 # x",
    ("*${A}", "x"): "*x", (" ${A}", "30"): " 30", ("${A}\n", "30"): "30\n", ("a\n${A}", "b: c"): "a\nb: c",
    ("'${A}'", "30"): "'30'", ("# ${A}", "it's"): BROKEN, ("${quote}${A}${quote}", "30"): "30",
    ("${A}", "a" * 90 + " 30"): "a" * 90 + " 30", ("\t${A}", "30"): "\t30",
}  # fmt: skip
# Without tags: no value begins with one, and each reader refuses other ones.
WORDS = ("true", "No", "on", "null", "0x", "a", *"~017e.-+_: #b,'\"{}[]*&|>%@?=ä")
PIECES = st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
TEXTS = st.one_of(st.just("${A}"), st.tuples(PIECES, PIECES).map(lambda around: around[0] + "${A}" + around[1]))


def kind_of(value: Any) -> Any:
    """Return what matters of a value: itself, or that it is a list or a mapping."""
    return type(value)() if isinstance(value, (dict, list)) else value


def of_ours(text: str, value: str) -> Any:
    filled = filled_in(text, VariableSet({"A": value, "quote": '"'}, are_all=True))
    assert filled is not None
    return BROKEN if filled.problem else kind_of(filled.value)


def of_flux(root: Path, cases: list[tuple[str, str]]) -> list[Any]:
    """Build each text as a field of a ConfigMap with Flux's own code, and return that field."""
    kustomizations = []
    for number, (text, value) in enumerate(cases):
        folder = root / f"case-{number}"
        folder.mkdir(exist_ok=True)
        (folder / "kustomization.yaml").write_text(f"{LIST}resources: [./map.yaml]\n")
        item = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"field": text}}
        (folder / "map.yaml").write_text(json.dumps(item))
        spec = {"path": f"./{folder.name}", "postBuild": {"substitute": {"A": value, "quote": '"'}}}
        kustomizations.append({
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "metadata": {"name": folder.name, "namespace": "flux-system"},
            "spec": spec,
        })  # fmt: skip
    asked = json.dumps({"kustomizations": kustomizations, "configMaps": {}, "secrets": {}})
    built = [json.loads(line) for line in tools.run("flux-build", root, stdin=asked).splitlines()]
    # The data of another field than this one would be broken YAML, too.
    return [
        BROKEN if "error" in one else kind_of(one["objects"][0].get("data", {}).get("field", BROKEN)) for one in built
    ]


@pytest.mark.parametrize(("case", "made"), CASES.items(), ids=repr)
def test_a_text_becomes_what_yaml_takes_it_for(case: tuple[str, str], made: Any) -> None:
    ours = of_ours(*case)
    assert (ours, type(ours)) == (made, type(made))


@needs("flux-build")
def test_flux_makes_the_same_of_it(tmp_path: Path) -> None:
    assert dict(zip(CASES, of_flux(tmp_path, list(CASES)), strict=True)) == CASES


@needs("flux-build")
@settings(max_examples=5, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(TEXTS, PIECES), min_size=50, max_size=50, unique=True))
def test_any_text_becomes_what_flux_makes_of_it(tmp_path: Path, cases: list[tuple[str, str]]) -> None:
    ours = {case: of_ours(*case) for case in cases}
    assert ours == dict(zip(cases, of_flux(tmp_path, cases), strict=True))


def test_what_no_file_tells_is_not_judged() -> None:
    assert filled_in("${A}", VariableSet({"A": None}, are_all=True)) is None
    assert filled_in("${B:=5}", VariableSet({}, are_all=False)) is None
    assert filled_in("${A[@]}", VariableSet({"A": "5"}, are_all=True)) is None
