"""A component is one folder, a backend one file: a record of which the tables follow."""

import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.pins import known_now
from tests.support.render import PROJECT, git
from tests.tools import records
from tests.tools.records import backend, dns, secret_stores, versions
from tests.tools.records.component import Component, component, components, manifests
from tests.tools.records.component_tables import all_tables

TABLES = records.all_tables()
NEW = """\
---
does: removes pods that would stand better elsewhere
namespace: kube-system
tier: standard
when: "'descheduler' in components"
choice:
  name: descheduler
  text: moves pods to where they stand better
  words: [descheduler]
depends_on: [metrics-server]
chart:
  url: oci://ghcr.io/home-operations/charts-mirror/descheduler
pins:
  pin_descheduler:
    version: 0.36.0
    released: 2026-09-01
    evidence: charts in public repositories
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Provide the folder of a new component."""
    folder = tmp_path / "{{ folder['descheduler'] }}"
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
    assert "name='descheduler'" in table("macros/catalogue.jinja", new)
    assert "    {% if 'descheduler' in components %}\n    - {name: descheduler, url:" in table(
        "questions/charts.yml", new
    )
    assert table("questions/component_pins.yml", new).endswith(
        "\n\npin_descheduler:\n  type: str\n  default: 0.36.0\n  ask: false\n"
        "  when: \"{{ generator == 'cluster' and 'descheduler' in components }}\"\n"
    )
    assert "    descheduler - moves pods to where they stand better: descheduler\n  #" in table(
        "questions/components.yml", new
    )


def test_what_is_recorded_keeps_its_order_and_what_is_new_comes_last(folder: Path) -> None:
    new = component(folder / "component.yaml")
    pins, choices = "questions/component_pins.yml", "questions/components.yml"
    assert order(table(pins, new)) == [*order((PROJECT / pins).read_text()), "pin_descheduler"]
    with_it, without = table(choices, new), (PROJECT / choices).read_text()
    assert with_it.replace("    descheduler - moves pods to where they stand better: descheduler\n", "") == without


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
        ("does:", "what:", "what is no key of a record; it has "),
        ("tier: standard", "tier: slow", "tier is critical, core or standard, not slow."),
        ("tier: standard", "tier: standard\npod_security: open", "pod_security is restricted, baseline or privileged"),
        ("[metrics-server]", "[metric-server]", "depends_on has no component metric-server."),
    ],
)
def test_a_record_that_is_wrong_is_refused(old: str, new: str, reason: str, folder: Path) -> None:
    (folder / "component.yaml").write_text(NEW.replace(old, new))
    with pytest.raises(ValueError, match=reason):
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


# --- Providers of DNS ---


def test_a_provider_of_dns_is_one_record(tmp_path: Path) -> None:
    source = (PROJECT / "backends/dns/digitalocean.yaml").read_text()
    (tmp_path / "hetzner.yaml").write_text(source.replace("DigitalOcean", "Hetzner").replace("digitalocean", "hetzner"))
    tables = dns.all_tables([*dns.providers(), backend.read(tmp_path / "hetzner.yaml", dns.Provider)])
    assert "  'hetzner': dict(title='Hetzner', service=" in tables[PROJECT / "macros/dns.jinja"]
    choice = "    hetzner - the same through Hetzner:\n      value: hetzner\n"
    assert choice in tables[PROJECT / "questions/access.yml"]


@pytest.mark.parametrize("line", ["solver: |", "owner: me\nsolver: |"])
def test_a_record_that_lacks_a_key_or_has_one_that_is_none_is_refused(line: str, tmp_path: Path) -> None:
    source = (PROJECT / "backends/dns/digitalocean.yaml").read_text()
    changed = source.replace("solver: |", "solve: |") if line == "solver: |" else source.replace("solver: |", line)
    (tmp_path / "new.yaml").write_text(changed)
    with pytest.raises(ValueError, match="new.yaml: (solve|owner) is no key of a record"):
        backend.read(tmp_path / "new.yaml", dns.Provider)


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
