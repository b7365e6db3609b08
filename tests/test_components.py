"""A component is one folder, a backend one file: a record of which the tables follow."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from talos_flux.errors import UserError
from tests.pins import known_now
from tests.support.render import PROJECT, git
from tests.tools import records
from tests.tools.records import backend, dns, git_hosts, ingress, secret_stores, storage, versions
from tests.tools.records.component import Component, component, components, manifests
from tests.tools.records.component_tables import all_tables

TABLES = records.all_tables()
NEW = """\
---
does: scales apps by events
namespace: kube-system
tier: standard
when: "'keda' in components"
choice:
  name: keda
  text: scales apps by events
  words: [keda]
depends_on: [metrics-server]
chart:
  url: oci://ghcr.io/home-operations/charts-mirror/keda
pins:
  pin_keda:
    version: 2.20.0
    released: 2026-09-01
    evidence: charts in public repositories
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Provide the folder of a new component."""
    folder = tmp_path / "{{ folder['keda'] }}"
    folder.mkdir()
    (folder / "component.yaml").write_text(NEW)
    (folder / "helmrelease.yaml.jinja").write_text("---\n")
    return folder


def table(name: str, *more: Component) -> str:
    return all_tables([*components(), *more])[PROJECT / name]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_the_tables_are_what_the_records_say(path: Path) -> None:
    assert path.read_text() == TABLES[path], "make tables"


def test_every_folder_of_manifests_has_a_record() -> None:
    folders = (PROJECT / "template/kubernetes/apps").glob("{{ folder*")
    assert [folder.name for folder in folders if not (folder / "component.yaml").exists()] == []


def test_a_new_component_is_in_every_table_by_its_record_alone(folder: Path) -> None:
    new = component(folder / "component.yaml")
    assert "name='keda'" in table("macros/catalogue.jinja", new)
    assert "    {% if 'keda' in components %}\n    - {name: keda, url:" in table("questions/charts.yml", new)
    assert table("questions/component_pins.yml", new).endswith(
        "\n\npin_keda:\n  type: str\n  default: 2.20.0\n  ask: false\n"
        "  when: \"{{ generator == 'cluster' and 'keda' in components }}\"\n"
    )
    assert "    keda - scales apps by events: keda\n  #" in table("questions/components.yml", new)


def test_what_is_recorded_keeps_its_order_and_what_is_new_comes_last(folder: Path) -> None:
    new = component(folder / "component.yaml")
    pins, choices = "questions/component_pins.yml", "questions/components.yml"
    assert order(table(pins, new)) == [*order((PROJECT / pins).read_text()), "pin_keda"]
    with_it, without = table(choices, new), (PROJECT / choices).read_text()
    assert with_it.replace("    keda - scales apps by events: keda\n", "") == without


def order(text: str) -> list[str]:
    return list(yaml.safe_load(text))


def test_a_manifest_is_there_under_the_condition_in_its_name(folder: Path) -> None:
    (folder / "{% if backups == 's3' %}secret.yaml{% endif %}.jinja").touch()
    (folder / "{% if ingress_backend == 'nginx' %}route.yaml{% endif %}").touch()
    (folder / "{% if ingress_backend != 'nginx' %}route.yaml{% endif %}.jinja").touch()
    found = {"helmrelease.yaml": "", "route.yaml": "", "secret.yaml": "backups == 's3'"}
    assert manifests(folder) == found


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("does:", "what:", "what is no key of a record"),
        ("tier: standard", "tier: slow", "tier is critical, core or standard, not slow."),
        ("tier: standard", "tier: standard\npod_security: open", "pod_security is restricted, baseline or privileged"),
        ("[metrics-server]", "[metric-server]", "depends_on has no component metric-server."),
    ],
)
def test_a_record_that_is_wrong_is_refused(old: str, new: str, reason: str, folder: Path) -> None:
    (folder / "component.yaml").write_text(NEW.replace(old, new))
    with pytest.raises((UserError, ValueError), match=reason):
        all_tables([*components(), component(folder / "component.yaml")])


# --- Versions ---


def test_a_minor_of_talos_or_kubernetes_stands_in_the_pins_alone() -> None:
    known = known_now()
    minors = "|".join(re.escape(versions.minor(known[name])) for name in ("pin_talos", "pin_kubernetes"))
    wanted = re.compile(rf"(?<!since )\b(?:Talos|Kubernetes) v?(?:{minors})\b")
    folders = ("template", "questions", "macros", "generators", "src", "docs/how-to", "docs/explanation", "README.md")
    names = git(PROJECT, "ls-files", "-z", "--cached", "--others", "--exclude-standard", *folders).split("\0")
    paths = [PROJECT / name for name in names if name and not name.endswith(".xz")]
    naming = [str(path) for path in paths if path not in TABLES and path.exists() and wanted.search(path.read_text())]
    assert naming == []


def test_another_minor_reaches_questions_limits_and_the_readme() -> None:
    known = known_now()
    later = {
        "pin_talos": replace(known["pin_talos"], version="v1.15.0"),
        "pin_kubernetes": replace(known["pin_kubernetes"], version="v1.37.1"),
    }
    tables = {path.name: text for path, text in versions.all_tables({**known, **later}, {}).items()}
    assert "pin_talos:\n  type: str\n  default: v1.15.0\n" in tables["pins.yml"]
    assert "pin_kubernetes:\n  type: str\n  default: v1.37.1\n" in tables["pins.yml"]
    assert "'talos': dict(below='1.16', " in tables["limits.jinja"]
    assert "| Talos 1.15, Kubernetes 1.37, " in tables["README.md"]


def test_what_waits_for_storage_or_ingress_waits_for_whichever_it_is(folder: Path) -> None:
    record = folder / "component.yaml"
    record.write_text(NEW.replace("[metrics-server]", "[storage, metrics-server, ingress-external]"))
    apps = {each.app for each in storage.storages()} | {each.external for each in ingress.ingresses()}
    assert component(record).depends_on == tuple(sorted({"metrics-server", *apps}))


# --- Backends ---


def test_a_provider_of_dns_is_one_record(tmp_path: Path) -> None:
    source = (PROJECT / "backends/dns/digitalocean.yaml").read_text()
    (tmp_path / "hetzner.yaml").write_text(source.replace("DigitalOcean", "Hetzner").replace("digitalocean", "hetzner"))
    tables = dns.all_tables([*dns.providers(), backend.read(tmp_path / "hetzner.yaml", dns.Provider)])
    assert "  'hetzner': dict(title='Hetzner', service=" in tables[PROJECT / "macros/dns.jinja"]
    choice = "    hetzner - the same through Hetzner:\n      value: hetzner\n"
    assert choice in tables[PROJECT / "questions/access.yml"]


def test_a_storage_is_one_record(tmp_path: Path) -> None:
    source = (PROJECT / "backends/storage/local-path.yaml").read_text()
    (tmp_path / "topolvm.yaml").write_text(source.replace("local-path", "topolvm"))
    tables = storage.all_tables([*storage.storages(), backend.read(tmp_path / "topolvm.yaml", storage.Storage)])
    macros = tables[PROJECT / "macros/storage.jinja"]
    assert "  'topolvm': dict(title='topolvm', app='topolvm-provisioner'," in macros
    assert macros.count("{% elif storage == 'topolvm' %}") == 4
    assert "'topolvm']" in macros.splitlines()[-1]
    lines = tables[PROJECT / "questions/components.yml"].splitlines()
    kept = [line for line in lines if not line.endswith(": topolvm")]
    assert kept == (PROJECT / "questions/components.yml").read_text().splitlines()
    assert lines[lines.index("    none - bring your own: none") - 1].endswith(": topolvm")


def test_an_ingress_is_one_record(tmp_path: Path) -> None:
    source = (PROJECT / "backends/ingress/nginx.yaml").read_text()
    (tmp_path / "traefik.yaml").write_text(source.replace("nginx", "traefik"))
    tables = ingress.all_tables([*ingress.ingresses(), backend.read(tmp_path / "traefik.yaml", ingress.Ingress)])
    row = "  'traefik': dict(internal='traefik-internal', external='traefik-external', route='Ingress',"
    assert row in tables[PROJECT / "macros/ingress.jinja"]
    assert ": traefik\n  default:" in tables[PROJECT / "questions/access.yml"]
    (tmp_path / "traefik.yaml").write_text(source.replace("route: Ingress", "route: IngressRoute"))
    with pytest.raises(ValueError, match="traefik: route is Ingress or HTTPRoute, not IngressRoute"):
        backend.read(tmp_path / "traefik.yaml", ingress.Ingress)


def test_choices_of_two_questions_in_one_file_are_both_written() -> None:
    before = {
        PROJECT / "questions/access.yml": (PROJECT / "questions/access.yml").read_text() + "# as others left it\n"
    }
    for tables in (dns.all_tables(dns.providers(), before), ingress.all_tables(ingress.ingresses(), before)):
        assert tables[PROJECT / "questions/access.yml"].endswith("# as others left it\n")


@pytest.mark.parametrize("line", ["solver: |", "owner: me\nsolver: |"])
def test_a_record_that_lacks_a_key_or_has_one_that_is_none_is_refused(line: str, tmp_path: Path) -> None:
    source = (PROJECT / "backends/dns/digitalocean.yaml").read_text()
    changed = source.replace("solver: |", "solve: |") if line == "solver: |" else source.replace("solver: |", line)
    (tmp_path / "new.yaml").write_text(changed)
    with pytest.raises(ValueError, match="new.yaml: (solve|owner) is no key of a record"):
        backend.read(tmp_path / "new.yaml", dns.Provider)


# --- Git hosts ---


@pytest.fixture
def another_host(tmp_path: Path) -> Path:
    """Provide the record of a new host, which is like GitLab and runs the same image."""
    source = (PROJECT / "backends/git/gitlab.yaml").read_text().partition("\npins:")[0]
    path = tmp_path / "heptapod.yaml"
    path.write_text(
        source.replace("GitLab", "Heptapod").replace("gitlab.com", "heptapod.net") + "\n  pins: [pin_mise_image]\n"
    )
    return path


def test_a_git_host_is_one_record_in_both_questions(another_host: Path) -> None:
    tables = git_hosts.all_tables([*git_hosts.hosts(), git_hosts.read(another_host)])
    questions = tables[PROJECT / "questions/git.yml"]
    rule = "{{ 'heptapod can not reach a cluster without external_access' if external_access == 'none' }}"
    choice = "heptapod - Heptapod, which sends the secret itself as a token"
    assert f'    {choice}:\n      value: heptapod\n      validator: "{rule}"\n    none - nobody' in questions
    assert "    heptapod - Heptapod CI: heptapod\n    none - nowhere" in questions
    host = tables[PROJECT / "macros/git_host.jinja"]
    assert "renovate='', webhook_provider='heptapod', ci='heptapod'),\n" in host
    assert "on Heptapod: Settings, Repository, Deploy keys" in host
    assert "'gitlab', 'heptapod'] }}\"\n" in tables[PROJECT / "questions/ci_pins.yml"]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("  type: gitlab", "  kind: gitlab", "heptapod.yaml: webhook: kind is no key of a record"),
        ("  check: diff\n", "", "heptapod.yaml: ci: check is missing"),
        ("title:", "name_of_it:", "heptapod.yaml: name_of_it is no key of a record"),
    ],
)
def test_a_record_of_a_host_that_is_wrong_is_refused(old: str, new: str, reason: str, another_host: Path) -> None:
    text = another_host.read_text()
    assert old in text
    another_host.write_text(text.replace(old, new))
    with pytest.raises(ValueError, match=reason):
        git_hosts.read(another_host)


# --- Stores of secrets ---

STORE = """\
---
like: onepassword
choice: kept by somebody else
apps: [cluster-secret-store, external-secrets]
app_secrets: [external-secret]
store: elsewhere
"""


def store_of_secrets(folder: Path, text: str = STORE) -> secret_stores.Backend:
    (folder / "secrets").mkdir()
    (folder / "secrets/elsewhere.yaml").write_text(text)
    return backend.read(folder / "secrets/elsewhere.yaml", secret_stores.Backend)


def test_a_store_of_secrets_is_one_record(tmp_path: Path) -> None:
    listed = [*secret_stores.backends(), store_of_secrets(tmp_path)]
    tables = secret_stores.all_tables(listed, {})
    asked, pins = tables[PROJECT / "questions/components.yml"], tables[PROJECT / "questions/tool_pins.yml"]
    macros = tables[PROJECT / "macros/secrets_backend.jinja"]
    [choices] = [question["choices"] for name, question in yaml.safe_load(asked).items() if name == "secrets_backend"]
    assert list(choices)[-1] == "elsewhere - kept by somebody else"
    assert "store='elsewhere'" in macros
    assert macros.count("{% elif secrets_backend == 'elsewhere' %}") > 20
    for name, text in (("onepassword_vault", asked), ("pin_onepassword_cli", pins)):
        assert yaml.safe_load(text)[name]["when"].endswith(", 'elsewhere'] }}")
    served = secret_stores.conditions(listed, "apps")
    assert served["external-secrets"].endswith(", 'elsewhere']")
    assert served["onepassword-connect"] == "secrets_backend == 'onepassword'"
    assert order(pins) == order((PROJECT / "questions/tool_pins.yml").read_text())


def test_a_tool_that_only_a_new_store_needs_comes_last_among_the_versions(tmp_path: Path) -> None:
    pin = "pins: {pin_other_cli: {version: 1.10, seen: 2026-11-01, evidence: somewhere}}\n"
    listed = [*secret_stores.backends(), store_of_secrets(tmp_path, STORE + pin)]
    text = secret_stores.all_tables(listed, {})[PROJECT / "questions/tool_pins.yml"]
    assert order(text) == [*order((PROJECT / "questions/tool_pins.yml").read_text()), "pin_other_cli"]
    assert yaml.safe_load(text)["pin_other_cli"]["when"].endswith(" and secrets_backend == 'elsewhere' }}")
