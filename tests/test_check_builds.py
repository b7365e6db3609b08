"""What kustomize refuses to build is an error, and what it builds is none: kustomize itself is the judge."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support import tools
from tests.support.needs import needs
from tests.support.small_repository import COMPONENT, LIST, config_map, found, write

RULES = ("build-refused", "key-twice", "resource-missing", "not-yaml")
A = {"a.yaml": config_map()}
RESOURCES = f"{LIST}resources: [./a.yaml]\n"
GENERATOR = f"{RESOURCES}configMapGenerator:\n  - name: made\n"
PART = {"part/kustomization.yaml": f"{COMPONENT}configMapGenerator: [{{name: part, literals: [a=b]}}]\n"}
FOLDER = {"folder/kustomization.yaml": f"{LIST}resources: [./o.yaml]\n", "folder/o.yaml": config_map("o")}
POD = "/spec/template/spec"
BARE = {"folder/o.yaml": config_map("o")}
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec:
  template:
    spec:
      containers: [{name: a, image: b, env: [{name: A, value: b}]}]
"""


def patch(operation: str) -> dict[str, str]:
    """Return the files of a build with a patch of one operation."""
    text = f"patches:\n  - target: {{kind: Deployment}}\n    patch: |-\n      - {operation}\n"
    return {"kustomization.yaml": f"{LIST}resources: [./d.yaml]\n{text}", "d.yaml": DEPLOYMENT}


def generator(entry: str) -> dict[str, str]:
    """Return the files of a build with a generator."""
    return {**A, "kustomization.yaml": f"{GENERATOR}{entry}", "b.env": "B=1\n"}


def own_generator(entry: str) -> dict[str, str]:
    """Return the files of a build with a generator in one line."""
    return {**A, "b.env": "B=1\n", "kustomization.yaml": f"{RESOURCES}configMapGenerator: [{{{entry}}}]\n"}


def listing(text: str, *others: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a build with a kustomization.yaml."""
    files = {**A, "kustomization.yaml": f"{LIST}{text}"}
    for other in others:
        files |= other
    return files


REFUSED: dict[str, Mapping[str, str]] = {
    "a Component among the resources": listing("resources: [./a.yaml, ./part]\n", PART),
    "a folder that is no Component among the components": listing("components: [./folder]\n", FOLDER),
    "a file among the components": listing("components: [./a.yaml]\n"),
    "a Component of another version": listing(
        "components: [./part]\n", {"part/kustomization.yaml": PART["part/kustomization.yaml"].replace("alpha", "beta")}
    ),
    "a Kustomization of another version": {**A, "kustomization.yaml": RESOURCES.replace("beta", "alpha")},
    "a kind that kustomize does not have": {**A, "kustomization.yaml": RESOURCES.replace("Kustomization", "Kustomize")},
    "an empty kustomization.yaml": {"kustomization.yaml": LIST},
    "a kustomization.yaml of a comment": {"kustomization.yaml": "# later\n"},
    "a listed folder with an empty kustomization.yaml": listing(
        "resources: [./a.yaml, ./folder]\n", {"folder/kustomization.yaml": LIST}
    ),
    "a listed folder without kustomization.yaml": listing("resources: [./folder]\n", BARE),
    "a component without kustomization.yaml": listing("components: [./folder]\n", BARE),
    "a folder that lists itself": listing(
        "resources: [./a.yaml, ./folder]\n", {"folder/kustomization.yaml": f"{LIST}resources: [../]\n"}
    ),
    "a listed kustomization.yaml": listing("resources: [./folder/kustomization.yaml]\n", FOLDER),
    "a field that kustomize does not have": {**A, "kustomization.yaml": f"{RESOURCES}resource: [./a.yaml]\n"},
    "a text where a list belongs": listing("resources: ./a.yaml\n"),
    "a file that is listed twice": listing("resources: [./a.yaml, ./a.yaml]\n"),
    "two objects of one id in one file": listing("resources: [./a.yaml]\n", {"a.yaml": config_map() * 2}),
    "two objects of one id in two files": listing("resources: [./a.yaml, ./b.yaml]\n", {"b.yaml": config_map()}),
    "two objects of one id in two folders": listing(
        "resources: [./a.yaml, ./folder]\n", FOLDER, {"folder/o.yaml": config_map()}
    ),
    "two objects of one id, one in the namespace default": listing(
        "resources: [./a.yaml, ./b.yaml]\n", {"b.yaml": config_map(more="  namespace: default\n")}
    ),
    "two objects that the namespace makes one": listing(
        "namespace: here\nresources: [./b.yaml, ./c.yaml]\n",
        {name: config_map(more=f"  namespace: {name[0]}\n") for name in ("b.yaml", "c.yaml")},
    ),
    "two Namespaces that the namespace makes one": listing(
        "namespace: here\nresources: [./b.yaml, ./c.yaml]\n",
        {name: f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name[0]}}}\n" for name in ("b.yaml", "c.yaml")},
    ),
    "an object that a component brings, too": listing(
        "resources: [./a.yaml]\ncomponents: [./part]\n", PART, {"a.yaml": config_map("part")}
    ),
    "a generator for what there is": own_generator("name: x, literals: [b=1]"),
    "a generator that merges into nothing": generator("    behavior: merge\n    literals: [b=1]\n"),
    "a generator without a name": own_generator("literals: [b=1]"),
    "a generator's file that is not there": generator("    files: [./nothere.yaml]\n"),
    "a generator's file with a key that is not there": generator("    files: [key=nothere.yaml]\n"),
    "a generator's variables that are not there": generator("    envs: [./nothere.env]\n"),
    "a generator's key of two files": generator("    files: [./a.yaml, a.yaml=./b.env]\n"),
    "a generator's literal twice": generator("    literals: [a=1, a=2]\n"),
    "a generator's literal without a value": generator("    literals: [a]\n"),
    "a Secret's file that is not there": {
        **A, "kustomization.yaml": f"{RESOURCES}secretGenerator: [{{name: made, files: [./nothere.yaml]}}]\n"
    },
    "a configuration that is not there": listing("resources: [./a.yaml]\nconfigurations: [./nothere.yaml]\n"),
    "a transformer that is not there": listing("resources: [./a.yaml]\ntransformers: [./nothere.yaml]\n"),
    "a generator of its own that is not there": listing("resources: [./a.yaml]\ngenerators: [./nothere.yaml]\n"),
    "a replacement that is not there": listing("resources: [./a.yaml]\nreplacements: [{path: ./nothere.yaml}]\n"),
    "CRDs that are not there": listing("resources: [./a.yaml]\ncrds: [./nothere.yaml]\n"),
    "a key twice": listing("resources: [./a.yaml]\n", {"a.yaml": f'{config_map()}  a: "2"\n'}),
    "a manifest without a kind": listing("resources: [./b.yaml]\n", {"b.yaml": "a: b\n"}),
    "a manifest without a name": listing("resources: [./b.yaml]\n", {"b.yaml": "apiVersion: v1\nkind: ConfigMap\n"}),
    "a list of values": listing("resources: [./b.yaml]\n", {"b.yaml": "[1]\n"}),
    "a patch that removes what is not there": patch("{op: remove, path: /spec/strategy}"),
    "a patch that replaces a part of what is not there": patch("{op: replace, path: /spec/strategy/type, value: a}"),
    "a patch of a container that is not there": patch(f"{{op: replace, path: {POD}/containers/1/name, value: b}}"),
    "a patch that adds to nothing": patch(f"{{op: add, path: {POD}/containers/0/resources/limits, value: {{}}}}"),
}  # fmt: skip
BUILT: dict[str, Mapping[str, str]] = {
    "resources": listing("resources: [./a.yaml, ./folder]\n", FOLDER),
    "a component": listing("resources: [./a.yaml]\ncomponents: [./part]\n", PART),
    "an empty list of resources": {"kustomization.yaml": f"{LIST}resources: []\n"},
    "only a namespace": {"kustomization.yaml": f"{LIST}namespace: here\n"},
    "a kustomization.yaml without a kind": {**A, "kustomization.yaml": "resources: [./a.yaml]\n"},
    "a component in two folders": listing(
        "resources: [./a.yaml, ./folder]\n", FOLDER,
        {"folder/kustomization.yaml": f"{LIST}namespace: o\nresources: [./o.yaml]\ncomponents: [../part]\n"}, PART,
    ),
    "old fields": listing("bases: [./folder]\ncommonLabels: {a: b}\n", FOLDER),
    "objects of one name in two namespaces": listing(
        "resources: [./b.yaml, ./c.yaml]\n",
        {name: config_map(more=f"  namespace: {name[0]}\n") for name in ("b.yaml", "c.yaml")},
    ),
    "a manifest of comments": listing("resources: [./a.yaml, ./b.yaml]\n", {"b.yaml": "---\n# later\n"}),
    "a List": listing("resources: [./b.yaml]\n", {"b.yaml": "apiVersion: v1\nkind: List\nitems: []\n"}),
    "a generator that merges": own_generator("name: x, behavior: merge, literals: [b=1]"),
    "a generator of files and literals": own_generator(
        "name: y1, files: [./a.yaml, b=./b.env], literals: [c=1], envs: [./b.env]"
    ),
    "keys after a merge": listing(
        "resources: [./b.yaml]\n",
        {"b.yaml": config_map("b", "  labels: &l {a: b}\n  annotations: {<<: *l, a: c}\n")},
    ),
    "a repeated anchor": listing(
        "resources: [./b.yaml]\n", {"b.yaml": f"{config_map()}  b: &a x\n  c: &a y\n  d: *a\n"}
    ),
    "a patch that adds a field": patch("{op: add, path: /spec/strategy, value: {type: Recreate}}"),
    "a patch that adds at the end": patch("{op: add, path: /spec/template/spec/containers/0/env/-, value: {name: B}}"),
    "a patch about what it has added": patch(
        "{op: add, path: /spec/strategy, value: {}}\n      - {op: add, path: /spec/strategy/type, value: Recreate}"
    ),
    "a patch that replaces what is not there": patch("{op: replace, path: /spec/strategy, value: {type: Recreate}}"),
    "a patch that replaces a field": patch("{op: replace, path: /spec/template/spec/containers/0/image, value: c}"),
    "a patch about nothing": {**patch("{op: remove, path: /x}"), "d.yaml": config_map()},
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED, ids=lambda name: name.replace(" ", "-"))
def test_what_kustomize_refuses_is_an_error(name: str, tmp_path: Path) -> None:
    assert [str(one) for one in found(write(tmp_path, REFUSED[name]), *RULES)] != []


@pytest.mark.parametrize("name", BUILT, ids=lambda name: name.replace(" ", "-"))
def test_what_kustomize_builds_is_none(name: str, tmp_path: Path) -> None:
    assert list(map(str, found(write(tmp_path, BUILT[name]), *RULES))) == []


@needs("kustomize")
@pytest.mark.parametrize("name", [*REFUSED, *BUILT], ids=lambda name: name.replace(" ", "-"))
def test_kustomize_says_the_same(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path, REFUSED.get(name) or BUILT[name]) / "kubernetes/apps"
    if name in BUILT:
        tools.run("kustomize", "build", folder)
        return
    with pytest.raises(RuntimeError):
        tools.run("kustomize", "build", folder)


def test_what_flux_adds_makes_a_kustomization_yaml_one_that_is_not_empty(tmp_path: Path) -> None:
    root = write(tmp_path, {"kustomization.yaml": LIST}, "  targetNamespace: here\n")
    assert found(root, *RULES) == []


def test_a_key_twice_in_a_kustomization_yaml_is_found_though_it_is_built(tmp_path: Path) -> None:
    files = listing("resources: [./a.yaml]\nresources: [./b.yaml]\n", {"b.yaml": config_map("b")})
    [finding] = found(write(tmp_path, files), "key-twice")
    assert finding.text == "resources stands here for the second time, after line 3"


def test_a_patch_of_flux_has_to_fit_what_it_builds(tmp_path: Path) -> None:
    text = "  patches:\n    - target: {kind: ConfigMap}\n      patch: |-\n        - {op: remove, path: /data/b}\n"
    [finding] = found(write(tmp_path, {"kustomization.yaml": RESOURCES, **A}, text), *RULES)
    assert finding.text == "this patch can't be applied: ConfigMap x has no /data/b to remove"
