"""What a cluster's files say about its apps, and the edits of their list."""

import subprocess
from pathlib import Path

import pytest
import yaml

from talos_flux.errors import UserError
from talos_flux.repository.apps import ChartSource, Repository, hosts, namespace_and_name
from talos_flux.repository.kustomization_edits import resources, with_decryption, with_resource, without_resource
from tests.support.needs import needs


def kustomization(name: str, *, depends_on: str = "", kind: str = "Kustomization") -> str:
    """Return a ks.yaml; a name may occur twice where that is the test."""
    waits = "".join(f"    - name: {other}\n" for other in depends_on.split())
    return (
        f"---\napiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: {kind}\n"
        f"metadata:\n  name: {name}\n  namespace: flux-system\nspec:\n  prune: true\n"
        + (f"  dependsOn:\n{waits}" if waits else "")
    )


def release(name: str, chart: str, values: str = "{}") -> str:
    """Return a HelmRelease with a chart from an OCIRepository."""
    return (
        f"---\napiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: {name}\nspec:\n"
        f"  chartRef: {{kind: OCIRepository, name: {chart}, namespace: flux-system}}\n  values: {values}\n"
    )


def source(name: str, kind: str = "OCIRepository") -> str:
    """Return a chart source."""
    return (
        f"---\napiVersion: source.toolkit.fluxcd.io/v1\nkind: {kind}\nmetadata:\n  name: {name}\nspec:\n"
        f"  url: oci://charts.example.net/{name}\n  ref:\n    tag: 1.2.3\n"
    )


FILES = {
    "flux/cluster/ks.yaml": kustomization("cluster-apps", depends_on="cluster-meta") + kustomization("cluster-meta"),
    "flux/meta/settings/cluster-settings.yaml": "kind: ConfigMap\ndata:\n  DOMAIN: example.net\n",
    "flux/meta/repos/app-template.yaml": source("app-template"),
    "flux/meta/repos/grafana.yaml": source("grafana") + source("loki", "HelmRepository"),
    "apps/media/films/ks.yaml": kustomization("films", depends_on="nfs database"),
    "apps/media/films/app/helmrelease.yaml": release("films", "app-template", '{host: "films.${DOMAIN}"}'),
    "apps/media/series/ks.yaml": kustomization("series", depends_on="films") + kustomization("series-database"),
    "apps/media/series/app/helmrelease.yaml": release("series", "grafana"),
    "apps/media/series/app/route.yaml": (
        "kind: HTTPRoute\nspec:\n  hostnames: [series.example.net, '*.tv.example.net']\n"
    ),
    "apps/media/series/app/config.yaml": "kind: ConfigMap\ndata:\n  host: news.example.net\n",
    "apps/media/loki/app/helmrelease.yaml": (
        "kind: HelmRelease\nspec:\n  chart:\n    spec:\n      sourceRef: {kind: HelmRepository, name: loki}\n"
    ),
}


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    for name, text in FILES.items():
        path = tmp_path / "kubernetes" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return Repository(tmp_path)


# --- A repository ---


def test_a_repository_is_found_from_inside_it(repository: Repository, tmp_path: Path) -> None:
    for inside in (tmp_path, tmp_path / "kubernetes/apps", tmp_path / "kubernetes/apps/new/app"):
        assert Repository.around(inside) == repository


def test_a_folder_outside_of_any_repository_is_refused() -> None:
    with pytest.raises(UserError, match="/nowhere/at/all is not inside a cluster's repository"):
        Repository.around(Path("/nowhere/at/all"))


def test_an_app_is_a_flux_kustomization_in_a_folder_of_its_own(repository: Repository, tmp_path: Path) -> None:
    found = {name: (str(app), app.folder, app.depends_on) for name, app in repository.apps.items()}
    media = tmp_path / "kubernetes/apps/media"
    assert found == {
        "films": ("media/films", media / "films", ("nfs", "database")),
        "series": ("media/series", media / "series", ("films",)),
        "series-database": ("media/series-database", media / "series", ()),
    }
    assert set(repository.kustomizations) == {"cluster-apps", "cluster-meta", *found}


@pytest.mark.parametrize(
    ("name", "expected"), [("films", ["series"]), ("cluster-meta", ["cluster-apps"]), ("series", []), ("none", [])]
)
def test_dependants_wait_for_a_kustomization(name: str, expected: list[str], repository: Repository) -> None:
    assert repository.dependants(name) == expected


def test_an_app_is_found_by_its_place(repository: Repository) -> None:
    assert repository.app_at("media/films").name == "films"
    with pytest.raises(UserError, match="there is no app in kubernetes/apps/media/none"):
        repository.app_at("media/none")


@pytest.mark.parametrize(
    "place", ["media", "media/", "/films", "media/films/app", "../films", "media/..", "a b/c", "-x/y"]
)
def test_a_place_of_another_form_is_refused(place: str) -> None:
    with pytest.raises(UserError, match="APP is <namespace>/<app>, not "):
        namespace_and_name(place, "APP")
    with pytest.raises(UserError, match="^TO is missing: TO=<namespace>/<app>.$"):
        namespace_and_name("", "TO")


def test_files_that_are_no_objects_are_no_obstacle(repository: Repository, tmp_path: Path) -> None:
    odd = tmp_path / "kubernetes/apps/media/odd"
    (odd / "folder.yaml").mkdir(parents=True)
    (odd / "latin.yaml").write_bytes(b"# caf\xe9\na: b\n")
    (odd / "empty.yaml").write_text("---\n---\n")
    (odd / "list.yaml").write_text("- kind: Kustomization\n- 1\n")
    (odd / "nameless.yaml").write_text("apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n")
    (odd / "chart.yaml").write_text("{{ if .Values.x }}\nkind: Deployment\n{{ end }}\n")
    assert {"films", "series"} <= set(repository.apps)
    assert repository.owner_of_host("films.example.net")
    assert list(repository.objects("HelmRelease"))


def test_a_broken_file_is_named(repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "kubernetes/apps/media/films/app/helmrelease.yaml").write_text("kind: HelmRelease\n  a: [\n")
    with pytest.raises(UserError, match="^kubernetes/apps/media/films/app/helmrelease.yaml is not YAML: "):
        list(repository.objects("HelmRelease"))


# --- Chart sources ---


@pytest.mark.parametrize("settings", ["", "kind: ConfigMap\n", "kind: ConfigMap\ndata: {DOMAIN: ''}\n", "[]\n"])
def test_settings_without_a_domain_are_one_sentence(settings: str, repository: Repository, tmp_path: Path) -> None:
    (tmp_path / "kubernetes/flux/meta/settings/cluster-settings.yaml").write_text(settings)
    with pytest.raises(UserError, match=r"cluster-settings.yaml has no data.DOMAIN"):
        repository.owner_of_host("films.example.net")


def test_chart_sources_are_read(repository: Repository, tmp_path: Path) -> None:
    repos = tmp_path / "kubernetes/flux/meta/repos"
    url = "oci://charts.example.net/"
    assert repository.chart_sources == {
        "app-template": ChartSource(
            "app-template", "OCIRepository", f"{url}app-template", "1.2.3", repos / "app-template.yaml"
        ),
        "grafana": ChartSource("grafana", "OCIRepository", f"{url}grafana", "1.2.3", repos / "grafana.yaml"),
        "loki": ChartSource("loki", "HelmRepository", f"{url}loki", "1.2.3", repos / "grafana.yaml"),
    }


@pytest.mark.parametrize(("name", "app"), [("app-template", "films"), ("grafana", "series"), ("loki", "loki")])
def test_users_of_a_source_are_releases_of_its_kind(name: str, app: str, repository: Repository) -> None:
    expected = [repository.folder_of_apps / "media" / app / "app/helmrelease.yaml"]
    assert repository.users_of(repository.chart_sources[name]) == expected


# --- Host names ---


@pytest.mark.parametrize(
    ("host", "file"),
    [
        ("films.${DOMAIN}", "films/app/helmrelease.yaml"),
        ("films.example.net", "films/app/helmrelease.yaml"),
        ("Films.Example.net", "films/app/helmrelease.yaml"),
        ("series.${DOMAIN}", "series/app/route.yaml"),
        ("*.tv.${DOMAIN}", "series/app/route.yaml"),
        ("news.example.net", ""),
        ("ilms.example.net", ""),
        ("example.net", ""),
        ("films.example.org", ""),
    ],
)
def test_a_host_has_one_owner_however_it_is_spelled(host: str, file: str, repository: Repository) -> None:
    expected = repository.folder_of_apps / "media" / file if file else None
    assert repository.owner_of_host(host) == expected


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ("{ingress: {app: {hosts: [{host: a.b}, {host: c.d}], tls: [{hosts: [a.b]}]}}}", ["a.b", "c.d", "a.b"]),
        ("{route: {app: {hostnames: [a.b]}}}", ["a.b"]),
        ("{spec: {rules: [{host: a.b}]}}", ["a.b"]),
        ("{hostname: a.b, port: 80, hosts: null, host: {name: x}}", ["a.b"]),
        ("[text, 1, null]", []),
    ],
)
def test_hosts_stand_under_the_keys_of_charts_and_routes(values: str, expected: list[str]) -> None:
    assert list(hosts(yaml.safe_load(values))) == expected


# --- The list in a kustomization.yaml ---

HEAD = "---\nkind: Kustomization\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "resources:\n  - ./a/ks.yaml\n  - ./b/ks.yaml # second\n  - ./c/ks.yaml\nlabels: []\n",
            "resources:\n  - ./a/ks.yaml\n  - ./c/ks.yaml\nlabels: []\n",
            id="its own comment goes",
        ),
        pytest.param("resources:\n- b/ks.yaml\n- a\n", "resources:\n- a\n", id="without ./ and indent"),
        pytest.param('resources:\n  - "./b/ks.yaml"\n  - a\n', "resources:\n  - a\n", id="quoted"),
        pytest.param("resources:\n  - ./b/ks.yaml\n  - a\n  - b/ks.yaml\n", "resources:\n  - a\n", id="listed twice"),
        pytest.param("resources:\n  - a\n  - ./b/ks.yaml", "resources:\n  - a\n", id="no newline at the end"),
        pytest.param(
            "resources:\n  - a\n  # of its own\n  - ./b/ks.yaml\n  # third\n  - c\n",
            "resources:\n  - a\n  # third\n  - c\n",
            id="a comment above it alone goes",
        ),
        pytest.param(
            "resources:\n  # heading\n  # of both\n  - ./b/ks.yaml\n  - c\n",
            "resources:\n  # heading\n  # of both\n  - c\n",
            id="a heading of others stays",
        ),
        pytest.param(
            "resources:\n  # why b is here\n  - ./b/ks.yaml\n  - c\n", "resources:\n  - c\n", id="a comment names it"
        ),
        pytest.param(
            "resources:\n  - a\n\n  # last\n  - ./b/ks.yaml\n\n# the end\n",
            "resources:\n  - a\n\n\n# the end\n",
            id="the last with its comment",
        ),
        pytest.param("resources: [a, ./b/ks.yaml, 'c'] # all\n", "resources: [a, 'c'] # all\n", id="in brackets"),
        pytest.param("resources: [./b/ks.yaml]\n", "resources: []\n", id="alone in brackets"),
        pytest.param(
            "resources: # all\n  - ./b/ks.yaml\nlabels: []\n", "resources: [] # all\nlabels: []\n", id="alone"
        ),
        pytest.param("resources:\r\n  - a\r\n  - ./b/ks.yaml\r\n", "resources:\r\n  - a\r\n", id="lines of Windows"),
    ],
)
def test_a_removed_resource_leaves_the_rest_as_it_was(text: str, expected: str) -> None:
    assert without_resource(HEAD + text, "./b/ks.yaml") == HEAD + expected
    left = [name for name in resources(HEAD + text) if name.removeprefix("./") != "b/ks.yaml"]
    assert resources(HEAD + expected) == left


@pytest.mark.parametrize(
    "text", ["", "kind: Kustomization\n", "resources:\n", "resources: []\n", "resources:\n  - ./a\n"]
)
def test_a_resource_that_is_not_listed_changes_nothing(text: str) -> None:
    assert without_resource(text, "./b/ks.yaml") == text


@pytest.mark.parametrize(
    "text", ["", "kind: K\n", "resources:\n", "resources:\nkind: K\n", "resources: []\n", "resources: null\n"]
)
def test_the_first_resource_of_a_list(text: str) -> None:
    assert resources(with_resource(text, "./a/ks.yaml")) == ["./a/ks.yaml"]
    assert (yaml.safe_load(with_resource(text, "./a/ks.yaml"))).get("kind") == ("K" if "K" in text else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("resources: []\n", "resources:\n  - ./a/ks.yaml\n"),
        ("resources: ~\n", "resources:\n  - ./a/ks.yaml\n"),
        ("resources:\n  []\n", "resources:\n  - ./a/ks.yaml\n"),
        ("resources: [./namespace.yaml]\nkind: K\n", "resources:\n  - ./namespace.yaml\n  - ./a/ks.yaml\nkind: K\n"),
    ],
)
def test_a_list_in_brackets_becomes_one_of_lines(text: str, expected: str) -> None:
    assert with_resource(text, "./a/ks.yaml") == expected


def test_a_new_app_comes_after_the_namespace_in_order() -> None:
    text = "resources:\n  - ./namespace.yaml\n  - ./b/ks.yaml\n  - ./d/ks.yaml\n"
    for name, line in (("a", 2), ("c", 3), ("e", 4)):
        assert with_resource(text, f"./{name}/ks.yaml").splitlines()[line] == f"  - ./{name}/ks.yaml"
    # Folders are compared, in which a hyphen does not come before a slash.
    text = "resources:\n  - ./b/ks.yaml\n  - ./b-c/ks.yaml\n  - ./d/ks.yaml\n"
    assert resources(with_resource(text, "./b-d/ks.yaml"))[2] == "./b-d/ks.yaml"


def test_adding_and_removing_are_each_others_reverse() -> None:
    text = HEAD + "resources:\n  # the namespace\n  - ./namespace.yaml\n  # old\n  - ./x/ks.yaml\n"
    for resource in ("./a/ks.yaml", "./o/ks.yaml", "./z/ks.yaml"):
        assert without_resource(with_resource(text, resource), resource) == text


@pytest.mark.parametrize(
    "text", ["resources: a\n", "resources: {a: b}\n", "resources:\n  - a: b\n", "a: [\n", "a\n---\nb\n"]
)
def test_a_list_that_cannot_be_read_is_refused(text: str) -> None:
    for edit in (with_resource, without_resource):
        with pytest.raises(UserError, match=r"kustomization.yaml is not YAML|is not a list of files"):
            edit(text, "./a")


@needs("kustomize")
def test_kustomize_builds_an_empty_list(tmp_path: Path) -> None:
    """Flux would otherwise stop at such a namespace."""
    text = without_resource(HEAD + "resources:\n  - ./b/ks.yaml\n", "./b/ks.yaml")
    (tmp_path / "kustomization.yaml").write_text(text)
    assert subprocess.run(["kustomize", "build", tmp_path], check=True, capture_output=True).stdout == b""


def test_each_kustomization_of_a_file_decrypts_and_one_that_says_how_is_left_alone() -> None:
    plain = "---\nkind: Kustomization\nspec:\n  path: ./a\n"
    done = "---\nkind: Kustomization\nspec:\n  decryption:\n    provider: sops\n  path: ./a\n"
    other = "---\nkind: Kustomization\nspec:\n  path: ./b\n  decryption: {provider: sops, secretRef: {name: mine}}\n"
    assert with_decryption(plain) == done
    assert with_decryption(plain + other + plain) == done + other + done
    assert with_decryption(done) == done
