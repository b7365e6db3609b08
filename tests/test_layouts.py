"""Whatever way a repository says where Flux starts, what Flux applies is found; and what nobody can see is said."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from talos_flux.check import output
from talos_flux.check.rule import Finding
from talos_flux.check.rules import RULES, findings
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from tests.support.render import git

Files = Mapping[str, str]
LIST = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
INSTANCE = """\
apiVersion: fluxcd.controlplane.io/v1
kind: FluxInstance
metadata: {{name: flux, namespace: flux-system}}
spec:
  distribution: {{version: 2.9.5, registry: ghcr.io/fluxcd}}
  sync:
    kind: {kind}
    url: https://github.com/me/home
    ref: refs/heads/main
    path: {path}
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\ndata: {{A: b}}\n"


def kustomization(
    name: str, path: str, source: str = "GitRepository, name: flux-system, namespace: flux-system", more: str = ""
) -> str:
    return f"""\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {{name: {name}, namespace: flux-system}}
spec:
  interval: 1h
  retryInterval: 2m
  timeout: 5m
  path: {path}
  prune: true
  wait: true
  sourceRef: {{kind: {source}}}
{more}"""


def config_map(name: str, namespace: str = "default") -> str:
    return CONFIG_MAP.format(name=name, namespace=namespace)


def written(root: Path, files: Files) -> Cluster:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    # Without git, hidden folders are not looked into.
    git(root, "init", "--quiet")
    return Cluster(root)


def said(cluster: Cluster, *rules: str) -> list[str]:
    return [f"{one.place.path}: {one.rule.id}" for one in findings(cluster, rules)]


# --- Where Flux starts ---

LAYOUTS: dict[str, Files] = {
    "one Kustomization over manifests, without children": {
        "flux/cluster.yaml": kustomization("apps", "./kubernetes"),
        "kubernetes/a.yaml": config_map("a"),
        "kubernetes/deep/b.yaml": config_map("b"),
    },
    "a FluxInstance that syncs the folder of the apps": {
        "apps/flux/instance.yaml": INSTANCE.format(kind="GitRepository", path="apps/"),
        "apps/one/kustomization.yaml": f"{LIST}resources: [./a.ks.yaml, ./b.ks.yaml]\n",
        "apps/one/a.ks.yaml": kustomization("a", "./apps/one/a/app"),
        "apps/one/a/app/a.yaml": config_map("a"),
        "apps/one/b.ks.yaml": kustomization("b", "./apps/one/b/app"),
        "apps/one/b/app/b.yaml": config_map("b"),
    },
    "flux bootstrap, with a Kustomization for itself": {
        "clusters/home/flux-system/gotk-sync.yaml": kustomization("flux-system", "./clusters/home"),
        "clusters/home/apps.yaml": kustomization("apps", "./apps"),
        "clusters/home/infrastructure.yaml": kustomization("infrastructure", "./infrastructure"),
        "apps/a.yaml": config_map("a"),
        "infrastructure/b.yaml": config_map("b"),
    },
    "flux bootstrap that has not run": {
        "clusters/home/apps.yaml": kustomization("apps", "./apps"),
        "clusters/home/infrastructure.yaml": kustomization("infrastructure", "./infrastructure"),
        "apps/a.yaml": config_map("a"),
        "infrastructure/b.yaml": config_map("b"),
    },
    "clusters that share a base": {
        "clusters/home/kustomization.yaml": f"{LIST}resources: [../base]\n",
        "clusters/base/kustomization.yaml": f"{LIST}resources: [apps.yaml]\n",
        "clusters/base/apps.yaml": kustomization("apps", "./apps"),
        "apps/kustomization.yaml": f"{LIST}resources: [a.yaml, b.yaml]\n",
        "apps/a.yaml": config_map("a"),
        "apps/b.yaml": config_map("b"),
    },
    "an artifact of a folder with clusters that share a base": {
        "k8s/clusters/home/kustomization.yaml": f"{LIST}resources: [../base]\n",
        "k8s/clusters/base/kustomization.yaml": f"{LIST}resources: [apps.yaml]\n",
        "k8s/clusters/base/apps.yaml": kustomization("apps", "./apps", "OCIRepository, name: flux-system"),
        "k8s/apps/kustomization.yaml": f"{LIST}resources: [a.yaml, b.yaml]\n",
        "k8s/apps/a.yaml": config_map("a"),
        "k8s/apps/b.yaml": config_map("b"),
    },
    "an artifact of a folder, so that paths begin there": {
        "kubernetes/clusters/home/instance.yaml": INSTANCE.format(kind="OCIRepository", path="./clusters/home"),
        "kubernetes/clusters/home/apps.yaml": kustomization("apps", "./apps", "OCIRepository, name: flux-system"),
        "kubernetes/apps/kustomization.yaml": f"{LIST}resources: [a.yaml, b.yaml]\n",
        "kubernetes/apps/a.yaml": config_map("a"),
        "kubernetes/apps/b.yaml": config_map("b"),
    },
    "artifacts that are made in the cluster": {
        "clusters/home/artifacts.yaml": """\
apiVersion: source.extensions.fluxcd.io/v1beta1
kind: ArtifactGenerator
metadata: {name: flux-system, namespace: flux-system}
spec:
  sources: [{alias: repo, kind: GitRepository, name: flux-system}]
  artifacts:
    - name: apps
      copy:
        - {from: "@repo/apps/base/**", to: "@artifact/base/"}
        - {from: "@repo/apps/home/**", to: "@artifact/home/"}
""",
        "clusters/home/apps.yaml": kustomization("apps", "./home", "ExternalArtifact, name: apps"),
        "apps/home/kustomization.yaml": f"{LIST}resources: [../base, b.yaml]\n",
        "apps/home/b.yaml": config_map("b"),
        "apps/base/kustomization.yaml": f"{LIST}resources: [a.yaml]\n",
        "apps/base/a.yaml": config_map("a"),
    },
    "a source that only a patch of the root gives the apps": {
        "kubernetes/flux/ks.yaml": kustomization(
            "apps",
            "./kubernetes/apps",
            more="""\
  patches:
    - target: {kind: Kustomization, group: kustomize.toolkit.fluxcd.io}
      patch: |
        - op: add
          path: /spec/sourceRef
          value: {kind: GitRepository, name: flux-system}
""",
        ),
        "kubernetes/apps/kustomization.yaml": f"{LIST}resources: [a/ks.yaml, b/ks.yaml, c/ks.yaml]\n",
        **{
            f"kubernetes/apps/{name}/ks.yaml": "\n".join(
                line
                for line in kustomization(name, f"./kubernetes/apps/{name}/app").splitlines()
                if "sourceRef" not in line
            )
            for name in "abc"
        },
        **{f"kubernetes/apps/{name}/app/{name}.yaml": config_map(name) for name in "abc"},
    },
    "a ResourceSet with a set of inputs for each namespace": {
        "kubernetes/flux/ks.yaml": kustomization("root", "./kubernetes/root"),
        "kubernetes/root/kustomization.yaml": f"{LIST}resources: [apps.yaml]\n",
        "kubernetes/root/apps.yaml": """\
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSet
metadata: {name: cluster-apps, namespace: flux-system}
spec:
  inputs: [{namespace: one}, {namespace: two}]
  resources:
    - apiVersion: kustomize.toolkit.fluxcd.io/v1
      kind: Kustomization
      metadata: {name: << inputs.namespace >>-apps, namespace: flux-system}
      spec:
        interval: 1h
        path: ./kubernetes/apps/<< inputs.namespace >>
        prune: true
        sourceRef: {kind: GitRepository, name: flux-system}
        targetNamespace: << inputs.namespace | quote >>
""",
        "kubernetes/apps/one/kustomization.yaml": f"{LIST}resources: [a/ks.yaml]\n",
        "kubernetes/apps/one/a/ks.yaml": kustomization("a", "./kubernetes/apps/one/a/app"),
        "kubernetes/apps/one/a/app/a.yaml": config_map("a"),
        "kubernetes/apps/two/kustomization.yaml": f"{LIST}resources: [b/ks.yaml]\n",
        "kubernetes/apps/two/b/ks.yaml": kustomization("b", "./kubernetes/apps/two/b/app"),
        "kubernetes/apps/two/b/app/b.yaml": config_map("b"),
    },
}


@pytest.mark.parametrize("name", LAYOUTS)
def test_flux_starts_where_the_repository_says(name: str, tmp_path: Path) -> None:
    cluster = written(tmp_path, LAYOUTS[name])
    assert {"a", "b"} <= {item.name for item in cluster.applied if item.kind == "ConfigMap"}
    assert (
        said(cluster, "app-not-listed", "path-unknown", "source-unknown", "field-missing", "namespace-not-built") == []
    )


def test_a_kustomization_that_applies_and_patches_itself_is_reached_once(tmp_path: Path) -> None:
    operation = "[{op: add, path: /spec/force, value: true}]"
    patch = f"  patches:\n    - target: {{kind: Kustomization}}\n      patch: '{operation}'\n"
    files = {
        "flux/root.yaml": kustomization("root", "./flux", more=patch),
        "flux/apps.yaml": kustomization("apps", "./apps"),
        "apps/settings.yaml": config_map("settings"),
    }
    assert [each.name for each in written(tmp_path, files).kustomizations] == ["root", "apps"]


COMPONENT = LIST.replace("v1beta1", "v1alpha1").replace("kind: Kustomization", "kind: Component")
# Apps whose Kustomization comes from a component, with their names in the places of others.
OF_A_COMPONENT = {
    "flux/kustomization.yaml": LIST + "resources: [./media.yaml]\npatches:\n"
    "  - target: {kind: Kustomization}\n"
    "    patch: '[{op: add, path: /spec/postBuild, value: {substitute: {TOP: x}}}]'\n",
    "flux/media.yaml": kustomization("media", "./apps/media"),
    "apps/media/notes/kustomization.yaml": LIST
    + "configMapGenerator: [{name: APP-vars, literals: [APP=notes]}]\ncomponents: [../../../components/app]\n"
    "patches: [{path: ./patch.yaml, target: {kind: Kustomization}}]\n",
    "apps/media/notes/patch.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    "metadata: {name: patch}\nspec: {force: true}\n",
    "apps/media/notes/app/map.yaml": config_map("${NAME}"),
    "components/app/kustomization.yaml": COMPONENT
    + "resources: [./ks.yaml]\nconfigurations: [./names.yaml]\nreplacements:\n"
    "  - source: {kind: ConfigMap, name: APP-vars, fieldPath: data.APP}\n    targets:\n"
    "      - {select: {kind: Kustomization}, fieldPaths: [metadata.name]}\n"
    "      - {select: {kind: Kustomization}, fieldPaths: [spec.path], options: {delimiter: /, index: 3}}\n"
    "      - select: {kind: ConfigMap}\n        fieldPaths: [metadata.name]\n"
    "        options: {delimiter: '-', index: 0}\n"
    "      - select: {kind: Kustomization}\n        fieldPaths: [spec.postBuild.substituteFrom.0.name]\n"
    "        options: {delimiter: '-', index: 0}\n",
    "components/app/names.yaml": "nameReference:\n  - kind: ConfigMap\n    fieldSpecs:\n"
    "      - {kind: Kustomization, path: spec/postBuild/substituteFrom/name}\n",
    "components/app/ks.yaml": kustomization(
        "APP",
        "./apps/media/APP/app",
        more="  postBuild:\n    substitute: {NAME: 'a-${TOP}'}\n"
        "    substituteFrom: [{kind: ConfigMap, name: APP-vars}]\n",
    ),
}


def test_a_kustomization_of_a_component_is_what_replacements_make_of_it(tmp_path: Path) -> None:
    cluster = written(tmp_path, OF_A_COMPONENT)
    assert [(each.name, each.folder) for each in cluster.kustomizations] == [
        ("media", "apps/media"),
        ("notes", "apps/media/notes/app"),
    ]
    rules = ("app-not-listed", "name-hashed", "namespace-not-built", "path-of-another", "path-unknown",
             "substitution-undefined")  # fmt: skip
    assert list(map(str, findings(cluster, rules))) == []


@pytest.mark.parametrize(("target", "is_refused"), [("", True), ("      target: {kind: ConfigMap}\n", False)])
def test_a_patch_of_a_kustomization_that_names_nothing_needs_a_target(
    target: str, is_refused: bool, tmp_path: Path
) -> None:
    patch = "{apiVersion: v1, kind: ConfigMap, metadata: {name: patch}, data: {A: c}}"
    more = f"  patches:\n    - patch: '{patch}'\n{target}"
    files = {
        "flux/apps.yaml": kustomization("apps", "./apps"),
        "apps/kustomization.yaml": LIST + "resources: [./ks.yaml]\n",
        "apps/ks.yaml": kustomization("notes", "./apps/notes", more=more),
        "apps/notes/map.yaml": config_map("${APP}"),
    }
    found = findings(written(tmp_path, files), ["build-refused"])
    assert [(one.place.path, one.place.line) for one in found] == [("apps/ks.yaml", 14)] * is_refused


def test_a_source_is_known_by_the_name_that_flux_fills_in(tmp_path: Path) -> None:
    chart = (
        "apiVersion: source.toolkit.fluxcd.io/v1\nkind: OCIRepository\n"
        "metadata: {name: '${CHART:=notes}', namespace: default}\nspec: {interval: 1h, url: oci://example.net/notes}\n"
    )
    release = (
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: notes, namespace: default}\n"
        "spec: {interval: 1h, chartRef: {kind: OCIRepository, name: NAME}}\n"
    )
    files = {
        "flux/apps.yaml": kustomization("apps", "./apps"),
        "apps/notes.yaml": kustomization("notes", "./notes", more="  postBuild: {substitute: {A: b}}\n"),
        "notes/chart.yaml": chart,
    }
    known = written(tmp_path / "known", {**files, "notes/release.yaml": release.replace("NAME", "notes")})
    assert list(map(str, findings(known, ["source-unknown"]))) == []
    other = written(tmp_path / "other", {**files, "notes/release.yaml": release.replace("NAME", "others")})
    assert len(findings(other, ["source-unknown"])) == 1


@pytest.mark.parametrize(
    ("made", "objects"),
    [
        ("inputs: [{name: a, n: 3}]\n  resources: [{NAMED, data: {n: << inputs.n >>}}]", {"a": 3}),
        ("inputs: [{name: a, n: 3}]\n  resources: [{NAMED, data: {n: << inputs.n | quote >>}}]", {"a": "3"}),
        ("inputs: [{name: A}]\n  resources: [{NAMED, data: {n: '<< inputs.n | default \"x\" >>'}}]", {"A": "x"}),
        ("inputs: [{name: a, m: {n: b}}]\n  resources: [{NAMED, data: {n: << inputs.m.n | upper >>}}]", {"a": "B"}),
        ("inputs: [{name: a}, {name: a}, {name: b}]\n  resources: [{NAMED, data: {n: x}}]", {"a": "x", "b": "x"}),
        ("steps: [{name: s, resources: [{NAMED, data: {n: x}}]}]\n  inputs: [{name: a}]", {"a": "x"}),
        ("inputsFrom: [{name: static}]\n  resources: [{NAMED, data: {n: x}}]", {"told": "x"}),
        (
            "inputs: [{name: a}]\n  resourcesTemplate: |\n    ---\n    apiVersion: v1\n    kind: ConfigMap\n"
            "    metadata: {name: << inputs.name >>, namespace: default}\n    data: {n: x}",
            {"a": "x"},
        ),
    ],
)
def test_a_resource_set_is_filled_in_as_the_operator_does(
    made: str, objects: dict[str, object], tmp_path: Path
) -> None:
    named = "apiVersion: v1, kind: ConfigMap, metadata: {name: << inputs.name >>, namespace: default}"
    head = "apiVersion: fluxcd.controlplane.io/v1\nkind: "
    files = {
        "flux/ks.yaml": kustomization("root", "./apps"),
        "apps/set.yaml": f"{head}ResourceSet\nmetadata: {{name: set, namespace: default}}\nspec:\n  "
        + made.replace("NAMED", named),
        "apps/provider.yaml": f"{head}ResourceSetInputProvider\nmetadata: {{name: static, namespace: default}}\n"
        "spec: {type: Static, defaultValues: {name: told}}\n",
    }
    cluster = written(tmp_path, files)
    assert {item.name: item.get("data", "n") for item in cluster.applied if item.kind == "ConfigMap"} == objects


UNSEEN = """\
apiVersion: fluxcd.controlplane.io/v1
kind: ResourceSet
metadata: {name: set, namespace: default}
spec:
"""
MADE = """\
    - apiVersion: kustomize.toolkit.fluxcd.io/v1
      kind: Kustomization
      metadata: {name: << inputs.name >>, namespace: default}
"""


@pytest.mark.parametrize(
    "made",
    [
        f"  inputsFrom: [{{name: pull-requests}}]\n  resources:\n{MADE}",
        f"  inputsFrom: [{{selector: {{matchLabels: {{a: b}}}}}}]\n  resources:\n{MADE}",
        f"  inputStrategy: {{name: Permute}}\n  inputsFrom: [{{name: static}}]\n  resources:\n{MADE}",
        f"  inputs: [{{names: [a]}}]\n  resourcesTemplate: |\n    << range inputs.names >>\n{MADE}    << end >>\n",
    ],
    ids=["a provider", "providers by label", "combined", "a loop"],
)
def test_what_a_resource_set_makes_is_not_judged_where_nobody_can_see_it(made: str, tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/root"),
        "apps/root/set.yaml": UNSEEN + made,
        "apps/root/settings.yaml": config_map("a"),
        "apps/later/ks.yaml": kustomization("later", "./apps/later/app"),
        "apps/later/app/later.yaml": config_map("later"),
    }
    cluster = written(tmp_path, files)
    assert said(cluster, "app-not-listed") == []
    assert [reason for reasons in cluster.unjudged.values() for reason in reasons if "ResourceSet" in reason]


def test_clusters_of_one_repository_have_settings_of_their_own(tmp_path: Path) -> None:
    def of(cluster: str, variable: str) -> Files:
        settings = config_map("cluster-settings").replace("A: b", f"{variable}: x")
        more = "  postBuild: {substituteFrom: [{kind: ConfigMap, name: cluster-settings}]}\n"
        app = kustomization("app", f"./kubernetes/{cluster}/app", more=more).replace("flux-system}", "default}", 1)
        return {
            f"kubernetes/{cluster}/flux/ks.yaml": kustomization("apps", f"./kubernetes/{cluster}/apps"),
            f"kubernetes/{cluster}/apps/kustomization.yaml": f"{LIST}resources: [settings.yaml, ks.yaml]\n",
            f"kubernetes/{cluster}/apps/settings.yaml": settings,
            f"kubernetes/{cluster}/apps/ks.yaml": app,
            f"kubernetes/{cluster}/app/map.yaml": config_map("a").replace("A: b", f'A: "${{{variable}}}"'),
        }

    cluster = written(tmp_path, {**of("main", "MAIN"), **of("network", "NETWORK")})
    assert len(cluster.kustomizations) == 4
    assert said(cluster, "substitution-undefined", "name-taken", "object-twice") == []


# --- What nobody can see ---

GATEWAY = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: a, namespace: network}
spec: {parentRefs: [{name: nothere, namespace: network}]}
"""
NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: network}\n"


def source(name: str, url: str) -> str:
    return f"""\
---
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {{name: {name}, namespace: flux-system}}
spec: {{interval: 1h, url: {url}}}
"""


OF_OTHERS = source("multus", "https://github.com/k8snetworkplumbingwg/multus-cni")
OF_MINE = source("second", "ssh://git@github.com/me/second")


@pytest.mark.parametrize(
    ("added", "is_found"),
    [
        (kustomization("multus-crd", "./artifacts", "GitRepository, name: multus"), True),
        (kustomization("multus", "./deployments", "GitRepository, name: multus") + OF_OTHERS, True),
        (kustomization("second", "./crds", "GitRepository, name: second") + OF_MINE, True),
        (kustomization("second", "./apps", "GitRepository, name: second") + OF_MINE, False),
        (
            kustomization("multus", "./d", "GitRepository, name: multus", "  targetNamespace: network\n") + OF_OTHERS,
            False,
        ),
        (kustomization("nothere", "./d", "GitRepository, name: multus") + OF_OTHERS, False),
    ],
    ids=["CRDs alone", "of others", "my own CRDs", "of my own", "in the same namespace", "of the same name"],
)
def test_another_repository_excuses_only_what_it_can_hold(added: str, is_found: bool, tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./apps"),
        "flux/instance.yaml": INSTANCE.format(kind="GitRepository", path="flux"),
        "apps/kustomization.yaml": f"{LIST}resources: [namespace.yaml, route.yaml, more.yaml, map.yaml]\n",
        "apps/namespace.yaml": NAMESPACE,
        "apps/route.yaml": GATEWAY,
        "apps/map.yaml": config_map("a"),
        "apps/more.yaml": added,
    }
    cluster = written(tmp_path, files)
    assert said(cluster, "gateway-unknown") == (["apps/route.yaml: gateway-unknown"] if is_found else [])
    assert ("gateway-unknown" in cluster.unjudged) is not is_found


def test_a_rule_that_cannot_judge_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    reason = "Kustomization multus reads another repository"
    unjudged = {"class-unknown": {reason}, "gateway-unknown": {reason}}
    output.show([], "text", unjudged)
    text = f"2 rules could not judge everything (class-unknown, gateway-unknown): {reason}.\n"
    assert capsys.readouterr().out == text
    output.show([], "json", unjudged)
    assert [(one["rule"], one["severity"], one["text"]) for one in json.loads(capsys.readouterr().out)] == [
        ("class-unknown", "unjudged", reason),
        ("gateway-unknown", "unjudged", reason),
    ]


# --- How loud it is ---


def finding(rule: str, path: str, text: str = "is so") -> Finding:
    return Finding(RULES[rule], Place(path, 1), text)


def test_a_habit_is_one_finding_and_errors_of_many_causes_are_all_shown() -> None:
    habits = [finding("no-timeout", f"{number}.yaml") for number in range(20)]
    errors = [finding("path-unknown", f"{number}.yaml") for number in range(20)]
    few = [finding("no-remediation", f"{number}.yaml") for number in range(3)]
    [first, *others] = output.condensed([*habits, *errors, *few])
    assert others == [*errors, *few]
    assert (first.place, first.text) == (
        habits[0].place,
        "is so, and 19 more like it in 20 files: --rule no-timeout shows them",
    )


def test_a_hint_fails_nothing_and_is_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    hints = [finding("class-not-awaited", "a.yaml"), finding("resources-unsaid", "b.yaml")]
    assert output.exit_code(hints) == 0
    output.say_hints(hints)
    assert capsys.readouterr().out == (
        "2 hints, which break nothing: class-not-awaited 1, resources-unsaid 1. --hints shows them.\n"
    )
    output.annotate(hints[:1])
    assert capsys.readouterr().out.startswith("::notice file=a.yaml,line=1::is so [class-not-awaited]")


def test_a_template_of_a_chart_is_no_broken_manifest(tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/root"),
        "apps/root/map.yaml": config_map("a"),
        "apps/charts/mine/Chart.yaml": "name: mine\n",
        "apps/charts/mine/templates/a.yaml": "{{- if .Values.a }}\n",
        "apps/templates/a.yaml": "{{- if .Values.a }}\n",
    }
    assert said(written(tmp_path, files), "not-yaml") == ["apps/templates/a.yaml: not-yaml"]


@pytest.mark.parametrize("folder", [".archive", "archive", "_disabled", "old"])
def test_what_is_put_away_is_not_missing(folder: str, tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/used"),
        "apps/used/map.yaml": config_map("a"),
        "apps/used/ks.yaml": kustomization("b", "./apps/b"),
        "apps/b/map.yaml": config_map("b"),
        f"apps/{folder}/c/ks.yaml": kustomization("c", "./apps/c"),
        f"apps/{folder}/c/kustomization.yaml": f"{LIST}resources: [nothere.yaml]\n",
    }
    assert said(written(tmp_path, files), "app-not-listed", "resource-missing", "file-not-listed") == []


# --- Which Flux runs ---

OLD = "---\napiVersion: helm.toolkit.fluxcd.io/v2beta1\nkind: HelmRelease\nmetadata: {name: old, namespace: default}\n"
FLUX_MANIFESTS = """\
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata: {name: flux-manifests, namespace: flux-system}
spec: {interval: 1h, url: oci://ghcr.io/fluxcd/flux-manifests, ref: {tag: TAG}}
"""
RESOURCES = f"{LIST}resources:\n  - "
OF_CHART = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: flux-instance, namespace: flux-system}
spec: {interval: 1h, chartRef: {kind: OCIRepository, name: flux-instance}, values: VALUES}
"""


@pytest.mark.parametrize(
    ("path", "text", "is_found"),
    [
        ("bootstrap/kustomization.yaml", f"{RESOURCES}github.com/fluxcd/flux2/manifests/install?ref=v0.31.4\n", False),
        ("bootstrap/kustomization.yaml", f"{RESOURCES}github.com/fluxcd/flux2/manifests/install?ref=v2.4.0\n", True),
        ("flux/gotk-components.yaml", "---\n# This manifest was generated by flux.\n# Flux Version: v2.2.3\n", False),
        ("flux/gotk-components.yaml", "---\n# This manifest was generated by flux.\n# Flux Version: v2.3.0\n", True),
        ("apps/flux.yaml", FLUX_MANIFESTS.replace("TAG", "v0.41.1"), False),
        ("apps/flux.yaml", FLUX_MANIFESTS.replace("TAG", "v2.6.4@sha256:0123"), True),
        ("apps/flux.yaml", INSTANCE.format(kind="GitRepository", path="flux").replace("2.9.5", "2.2.x"), False),
        ("apps/flux.yaml", INSTANCE.format(kind="GitRepository", path="flux").replace("2.9.5", "2.x"), True),
        ("apps/flux.yaml", OF_CHART.replace("VALUES", "{}"), True),
        ("apps/flux.yaml", OF_CHART.replace("VALUES", "{instance: {distribution: {version: 2.2.x}}}"), False),
        ("deploy.yaml", "image: ghcr.io/fluxcd/kustomize-controller:v1.2.1\n", False),
        ("deploy.yaml", "image: ghcr.io/fluxcd/kustomize-controller:v1.7.0\n", True),
        ("README.md", "Flux\n", False),
    ],
)
def test_an_old_version_is_judged_by_the_flux_that_runs(path: str, text: str, is_found: bool, tmp_path: Path) -> None:
    files = {"flux/ks.yaml": kustomization("root", "./apps"), "apps/old.yaml": OLD}
    cluster = written(tmp_path, {**files, path: text})
    assert said(cluster, "api-deprecated") == (["apps/old.yaml: api-deprecated"] if is_found else [])
    assert ("api-deprecated" in cluster.unjudged) is (path == "README.md")


# --- What is there before Flux, and what Renovate reads ---

MONITOR = """\
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: a, namespace: default}
spec: {}
"""
OPERATOR = """\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: kube-prometheus-stack, namespace: default}
spec: {interval: 1h, chart: {spec: {chart: kube-prometheus-stack}}}
"""
HELMFILE = "---\nreleases:\n  # CRDs alone\n  - name: kube-prometheus-stack\n    chart: oci://example.com/kube-prometheus-stack\n"


@pytest.mark.parametrize(
    ("path", "is_known"),
    [
        ("bootstrap/helmfile.yaml", True),
        (".bootstrap/helmfile.d/helmfile-crds.yaml", True),
        ("talos/integrations/crds.yaml", True),
        ("docs/kube-prometheus-stack.md", False),
    ],
)
def test_what_a_helmfile_installs_is_there_before_flux(path: str, is_known: bool, tmp_path: Path) -> None:
    files = {
        "flux/ks.yaml": kustomization("root", "./apps/root"),
        "apps/root/kustomization.yaml": f"{LIST}resources: [a.yaml, b.yaml]\n",
        "apps/root/a.yaml": kustomization("a", "./apps/a"),
        "apps/root/b.yaml": kustomization("b", "./apps/b"),
        "apps/a/monitor.yaml": MONITOR,
        "apps/b/release.yaml": OPERATOR,
    }
    found = said(written(tmp_path, {**files, path: HELMFILE}), "provider-not-awaited")
    assert found == ([] if is_known else ["apps/a/monitor.yaml: provider-not-awaited"])


OWN_MANAGER = r"""
 customManagers: [{customType: "regex", managerFilePatterns: ["/.+\\.yaml$/"], datasourceTemplate: "helm",
   matchStrings: ["registryUrl=(?<registryUrl>.*?)\n *chart: (?<depName>.*?)\n *version: (?<currentValue>.*)\n"]}]"""
CHART = "      # renovate: registryUrl=https://example.com/charts/\n      chart: x\n      version: 1.0.0\n"
PRESETS = 'extends: ["github>me/home//.github/renovate/managers", ":semanticCommits"]'


@pytest.mark.parametrize(
    ("configuration", "text", "is_found"),
    [
        ({"renovate.json5": f"{{{OWN_MANAGER}}}"}, CHART, False),
        ({"renovate.json5": f'{{extends: ["github>others/presets"],{OWN_MANAGER}}}'}, CHART, False),
        (
            {".github/renovate.json5": f"{{{PRESETS}}}", ".github/renovate/managers.json5": f"{{{OWN_MANAGER}}}"},
            CHART,
            False,
        ),
        ({"renovate.json5": f"{{{OWN_MANAGER}}}".replace("customManagers", "regexManagers")}, CHART, False),
        ({"renovate.json5": f"{{{PRESETS}}}"}, "      - uses: actions/checkout@0123 # renovate: tag=v3\n", False),
        ({"renovate.json5": f"{{{OWN_MANAGER}}}"}, CHART.replace("chart: x", "name: x"), True),
        ({"renovate.json5": f"{{{PRESETS}}}"}, CHART, True),
        ({"renovate.json5": "{}"}, CHART, True),
    ],
)
def test_a_comment_is_judged_by_renovates_own_configuration(
    configuration: Files, text: str, is_found: bool, tmp_path: Path
) -> None:
    cluster = written(tmp_path, {**configuration, "apps/a.yaml": f"spec:\n  chart:\n    spec:\n{text}"})
    assert said(cluster, "renovate-comment-wrong") == (["apps/a.yaml: renovate-comment-wrong"] if is_found else [])
