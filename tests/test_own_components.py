"""A component of the user's own: a folder with component.yaml, which a cluster registers and follows as its apps."""

import shutil
from pathlib import Path

import copier
import pytest

from talos_flux.errors import UserError
from talos_flux.template.component_record import KEYS
from tests.support.home import Home
from tests.support.needs import needs
from tests.support.render import PROJECT, Renderer, commit_all, git
from tests.support.years import NEXT, Years
from tests.tools.records.component import fields_of_a_record
from tests.tools.records.secret_stores import Backend, backends

GATUS = PROJECT / "examples/components/gatus"
FOLDER = "kubernetes/apps/observability/gatus"
HERE = "./components/gatus"

pytestmark = needs("copier")


@pytest.fixture
def home(tmp_path: Path, render: Renderer, template: Path) -> Home:
    """Provide the default cluster with the example's folder in its repository."""
    found = Home(tmp_path / "home", render({}), template)
    shutil.copytree(GATUS, found.root / HERE)
    found.commit()
    return found


def refusal(home: Home, folder: str = FOLDER, address: str = HERE) -> str:
    """Return why it can't be added; nothing is written then."""
    with home.untouched(), pytest.raises(UserError) as refused:
        home.add("component", folder, component_from=address)
    return str(refused.value)


def changed(home: Home, old: str, new: str, name: str = "component.yaml") -> None:
    path = home.root / HERE / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    home.commit()


# --- Added ---


def test_a_record_has_the_same_keys_here_and_in_the_template() -> None:
    assert set(KEYS) == fields_of_a_record()


def test_it_is_registered_as_the_templates_are(home: Home) -> None:
    told = home.add("component", FOLDER, component_from=HERE).told
    assert told[0] == "Namespace observability is new, with pod security restricted."
    assert f"It follows {HERE}." in told[1]
    ks = home.text(f"{FOLDER}/ks.yaml")
    # What the cluster's ingress is, its record need not know.
    assert "dependsOn:\n    - name: nginx-internal\n  interval: 1h\n" in ks and "gateways" not in ks
    listed = home.text(f"{FOLDER}/app/kustomization.yaml")
    assert listed.endswith("resources:\n  - ./configmap.yaml\n  - ./helmrelease.yaml\n")
    assert "- ./gatus/ks.yaml" in home.text("kubernetes/apps/observability/kustomization.yaml")
    release = home.text(f"{FOLDER}/app/helmrelease.yaml")
    assert "tag: v5.36.0@sha256:" in release and "className: internal" in release and "{" + "%" not in release


def test_what_the_answers_change_is_in_its_manifests(tmp_path: Path, render: Renderer, template: Path) -> None:
    answers = {"ingress_backend": "envoy-gateway", "external_access": "none"}
    envoy = Home(tmp_path / "home", render(answers), template)
    shutil.copytree(GATUS, envoy.root / HERE)
    envoy.add("component", FOLDER, component_from=HERE)
    assert "route:\n" in envoy.text(f"{FOLDER}/app/helmrelease.yaml")
    assert "the internet" not in envoy.text(f"{FOLDER}/app/configmap.yaml")
    assert "- name: gateways" in envoy.text(f"{FOLDER}/ks.yaml")


def test_its_chart_is_a_new_source_or_the_one_that_is_there(home: Home) -> None:
    changed(home, "name: app-template\n  url: oci://ghcr.io/bjw-s-labs/helm/app-template", "url: oci://x.example/gatus")
    changed(home, "pins:\n", "pins:\n  pin_gatus_chart: {version: 1.2.3}\n")
    changed(home, "  url: oci://x.example/gatus\n", "  url: oci://x.example/gatus\n  pin: pin_gatus_chart\n")
    addition = home.add("component", FOLDER, component_from=HERE)
    assert "tag: 1.2.3\n  url: oci://x.example/gatus\n" in home.text("kubernetes/flux/meta/repos/gatus.yaml")
    assert any("Its chart comes from gatus, a new source" in sentence for sentence in addition.told)


def test_its_secret_is_an_item_of_the_vault(home: Home) -> None:
    changed(home, "tier: standard\n", "tier: standard\nsecret: gatus\nitem: gatus-alerts\n")
    home.add("component", FOLDER, component_from=HERE)
    assert "/items/gatus-alerts" in home.text(f"{FOLDER}/app/onepassworditem.yaml")
    assert "- name: onepassword-connect\n" in home.text(f"{FOLDER}/ks.yaml")


@pytest.mark.parametrize(
    "each", [each for each in backends() if each.name != "onepassword"], ids=lambda each: each.name
)
def test_its_secret_is_made_as_the_clusters_are(
    each: Backend, tmp_path: Path, render: Renderer, template: Path
) -> None:
    other = Home(tmp_path / "home", render(each.answers), template)
    shutil.copytree(GATUS, other.root / HERE)
    changed(other, "tier: standard\n", "tier: standard\nsecret: gatus\n")
    other.add("component", FOLDER, component_from=HERE)
    listed, ks = other.text(f"{FOLDER}/app/kustomization.yaml"), other.text(f"{FOLDER}/ks.yaml")
    assert ("./externalsecret.yaml" in listed, "- name: cluster-secret-store" in ks) == (bool(each.store),) * 2
    assert ("provider: sops" in ks) == (not each.store)


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("component.yaml", "tier: standard", "teir: standard", "teir is no key of a record: did you mean tier?"),
        ("component.yaml", "tier: standard", "tier: slow", "tier is critical, core or standard, not slow."),
        ("component.yaml", "tier: standard\n", "", "tier is missing."),
        ("component.yaml", "pin_app_template", "pin_other", "pins has no pin_app_template, the version of its chart."),
        ("component.yaml", "oci://", "https://", "the url of chart is one of an OCI registry, oci://..., not https://"),
        ("component.yaml", "helm/app-template", "helm/other", "app-template is a chart source with another address"),
        ("component.yaml", "[ingress-internal", "[ingres-internal", "ingres-internal"),
        ("component.yaml", "---\n", "- ", "can't be read: "),
        ("configmap.yaml.jinja", "{% if", "{% of", "it can't be rendered: Encountered unknown tag 'of'"),
        ("configmap.yaml.jinja", "external_access", "external_acces", "'external_acces' is undefined"),
    ],
)
def test_a_folder_that_is_no_component_is_refused(name: str, old: str, new: str, words: str, home: Home) -> None:
    changed(home, old, new, name)
    assert words in refusal(home)


def test_where_it_can_not_be_is_refused(home: Home) -> None:
    assert "is no component: " in refusal(home, address="./components/other")
    assert "is not named gatus, as the folder ./components/gatus" in refusal(home, "kubernetes/apps/tools/status")
    home.write(f"{HERE}/kustomization.yaml", "---\n")
    assert "would be written to kustomization.yaml, which is not a component's" in refusal(home)
    (home.root / HERE / "kustomization.yaml").unlink()
    changed(home, "pod_security: restricted", "pod_security: privileged")
    home.add("namespace", "kubernetes/apps/tools", ns_pod_security="baseline")
    home.commit()
    assert "pod_security of gatus is privileged, and tools has baseline" in refusal(home, "kubernetes/apps/tools/gatus")


# --- Followed ---


@pytest.fixture
def years(home: Home, template: Path, tmp_path: Path) -> Years:
    """Provide the cluster with the component, and a template of this test's own."""
    home.add("component", FOLDER, component_from=HERE)
    home.commit()
    return years_of(home, template, tmp_path)


def years_of(home: Home, template: Path, tmp_path: Path) -> Years:
    folder = tmp_path / "years"
    folder.mkdir()
    return Years(folder, home.root, template)


def test_what_its_folder_says_now_and_what_the_template_says_both_arrive(years: Years) -> None:
    years.edit(f"{FOLDER}/app/helmrelease.yaml", "memory: 64Mi", "memory: 99Mi")
    years.edit(f"{FOLDER}/app/helmrelease.yaml", "v5.36.0@sha256:c5f2", "v5.37.0@sha256:aaaa")
    years.edit(f"{HERE}/configmap.yaml.jinja", "interval: 1m", "interval: 5m")
    years.edit(f"{HERE}/component.yaml", "version: v5.36.0@sha256:c5f2", "version: v5.38.0@sha256:bbbb")
    years.edit(f"{HERE}/component.yaml", "tier: standard", "tier: core")
    years.commit()
    years.release(NEXT, {"macros/flux.jinja": ("retryInterval: 2m", "retryInterval: 3m")})
    years.update()
    ks, release = years.text(f"{FOLDER}/ks.yaml"), years.text(f"{FOLDER}/app/helmrelease.yaml")
    assert "interval: 15m" in ks and "retryInterval: 3m" in ks
    assert "interval: 5m" in years.text(f"{FOLDER}/app/configmap.yaml")
    # Renovate's version stays, and so does the user's edit.
    assert "v5.37.0@sha256:aaaa" in release and "memory: 99Mi" in release
    years.commit()
    assert "already" in years.update()


def test_without_its_folder_it_stays_as_it_was_recorded(years: Years) -> None:
    shutil.rmtree(years.root / HERE)
    years.commit()
    years.release(NEXT, {"macros/flux.jinja": ("retryInterval: 2m", "retryInterval: 3m")})
    said = years.update()
    assert f"{FOLDER} stays as it was recorded, since ./components/gatus is no component" in said
    assert "retryInterval: 3m" in years.text(f"{FOLDER}/ks.yaml")
    assert "tag: v5.36.0@sha256:" in years.text(f"{FOLDER}/app/helmrelease.yaml")


@pytest.mark.full
def test_copier_itself_updates_it_from_what_is_recorded(years: Years) -> None:
    years.release(NEXT, {"macros/flux.jinja": ("retryInterval: 2m", "retryInterval: 3m")})
    copier.run_update(str(years.root / FOLDER), defaults=True, skip_answered=True, overwrite=True, quiet=True)
    assert "retryInterval: 3m" in years.text(f"{FOLDER}/ks.yaml")
    assert "className: internal" in years.text(f"{FOLDER}/app/helmrelease.yaml")


# --- From another repository ---


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Provide a Git repository with components, at v1.0.0."""
    folder = tmp_path / "library"
    shutil.copytree(GATUS, folder / "monitoring/gatus")
    git(tmp_path, "init", "--quiet", str(folder))
    commit_all(folder, "feat: gatus")
    git(folder, "tag", "v1.0.0")
    return folder


def test_it_follows_another_repository(home: Home, library: Path, template: Path, tmp_path: Path) -> None:
    home.add("component", FOLDER, component_from=f"file://{library}//monitoring/gatus")
    home.commit()
    years = years_of(home, template, tmp_path)
    path = library / "monitoring/gatus/configmap.yaml.jinja"
    path.write_text(path.read_text().replace("interval: 1m", "interval: 7m"))
    commit_all(library, "feat: rarer")
    years.update()
    assert "interval: 7m" in years.text(f"{FOLDER}/app/configmap.yaml")


def test_at_a_version_it_stays_there(home: Home, library: Path, template: Path, tmp_path: Path) -> None:
    home.add("component", FOLDER, component_from=f"file://{library}//monitoring/gatus?ref=v1.0.0")
    home.commit()
    years = years_of(home, template, tmp_path)
    (library / "monitoring/gatus/component.yaml").unlink()
    commit_all(library, "feat: gone")
    assert "already" in years.update()


def test_an_address_without_a_component_is_refused(home: Home, library: Path, tmp_path: Path) -> None:
    assert "gatus of file://" in refusal(home, address=f"file://{library}//gatus")
    assert "nowhere can't be reached: " in refusal(home, address=f"file://{tmp_path}/nowhere//gatus")
    assert "can't be fetched at v2.0.0" in refusal(home, address=f"file://{library}//monitoring/gatus?ref=v2.0.0")
    assert "says no folder of the repository" in refusal(home, address=f"https://git.example.net/{library.name}")
