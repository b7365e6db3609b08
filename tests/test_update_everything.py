"""task update: everything follows the template, nothing of the user's is lost, and all of it can be taken back."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pexpect
import pytest
import yaml

from talos_flux.repository.kustomization_edits import with_resource
from tests.support.commands import TALOS_FLUX
from tests.support.home import Home
from tests.support.needs import needs
from tests.support.render import VERSION, Renderer, git
from tests.support.years import APPS, MEDIA, NEXT, Years, home_with_apps, tree_of, without_the_version

pytestmark = [needs("copier"), pytest.mark.full]

JELLYFIN = f"{MEDIA}/jellyfin"
COREDNS = "kubernetes/apps/kube-system/coredns"
CILIUM = "kubernetes/flux/meta/repos/cilium.yaml"
# One line of every app's ks.yaml, and one of every namespace's.
FLUX = {"macros/flux.jinja": ("retryInterval: 2m", "retryInterval: 3m")}
NAMESPACE = {"macros/flux.jinja": ("prune: disabled", "prune: Disabled")}
README = {"template/README.md.jinja": ("## Follow the template", "## Follow the template for years")}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, render: Renderer, template: Path) -> Path:
    """Provide the default cluster with three apps."""
    return home_with_apps(tmp_path_factory.mktemp("cluster") / "home", render({}), template).root


@pytest.fixture
def years(cluster: Path, template: Path, tmp_path: Path) -> Years:
    """Provide that cluster and a template of this test's own."""
    return Years(tmp_path, cluster, template)


# --- What follows ---


@pytest.mark.witness
def test_with_nothing_to_do_nothing_changes(years: Years) -> None:
    before = years.tree
    assert f"Everything follows the template at {VERSION} already" in years.update()
    assert (years.tree, years.status) == (before, "")
    assert years.run("--check").returncode == 0


@pytest.mark.witness
def test_one_update_reaches_core_apps_namespaces_and_apps(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.release("v999.2.0", NAMESPACE)
    assert years.run("--check").returncode == 2
    assert years.status == ""
    years.update()
    for app in (COREDNS, *APPS):
        assert "retryInterval: 3m" in years.text(f"{app}/ks.yaml")
    for namespace in ("kube-system", "media", "tools"):
        assert "prune: Disabled" in years.text(f"kubernetes/apps/{namespace}/namespace.yaml")
    for path in years.root.rglob(".copier-answers.yml"):
        assert "_commit: v999.2.0\n" in path.read_text()
    assert not any(line[:2] not in ("M ", "A ", "D ") for line in years.status.splitlines())
    years.commit()
    assert "already" in years.update()


@pytest.mark.witness
def test_what_is_the_users_stays(years: Years) -> None:
    years.edit(f"{JELLYFIN}/ks.yaml", "prune: true", "prune: true\n  suspend: true")
    years.edit(f"{JELLYFIN}/app/helmrelease.yaml", "10.11.2", "10.12.0")
    years.edit("kubernetes/flux/meta/repos/coredns.yaml", "tag: ", "tag: 9")
    (years.root / "kubernetes/apps/media/notes.txt").write_text("mine\n")
    years.edit(f"{MEDIA}/kustomization.yaml", "./jellyfin/ks.yaml", "./jellyfin/ks.yaml # films")
    years.commit()
    mine = {name: years.text(name) for name in ("kubernetes/apps/media/notes.txt", f"{MEDIA}/kustomization.yaml")}
    mine["kubernetes/flux/meta/repos/coredns.yaml"] = years.text("kubernetes/flux/meta/repos/coredns.yaml")
    years.release(NEXT, FLUX)
    years.update()
    assert {"retryInterval: 3m", "suspend: true"} <= {
        line.strip() for line in years.text(f"{JELLYFIN}/ks.yaml").splitlines()
    }
    assert "10.12.0" in years.text(f"{JELLYFIN}/app/helmrelease.yaml")
    assert {name: years.text(name) for name in mine} == mine


@pytest.mark.witness
def test_a_conflict_is_one_that_git_shows(years: Years) -> None:
    path = f"{JELLYFIN}/ks.yaml"
    years.edit(path, "retryInterval: 2m", "retryInterval: 7m")
    years.commit()
    years.release(NEXT, FLUX)
    assert years.conflicts() == [path]
    for line in ("<<<<<<< yours", f"||||||| template {VERSION}", f">>>>>>> template {NEXT}", "retryInterval: 7m"):
        assert line in years.text(path)
    assert "retryInterval: 3m" in years.text(f"{MEDIA}/board/ks.yaml")
    assert f"{path} has a conflict" in years.refuses()


@pytest.mark.parametrize(
    ("answers", "taken_over"),
    [
        ({"ingress_backend": "envoy-gateway"}, "ingress_backend: envoy-gateway"),
        (
            {
                "backups": "s3",
                "backup_s3_url": "https://s3.example.net/anton",
                "alerts": "ntfy",
                "ntfy_topic": "https://ntfy.sh/anton",
            },
            "backups: s3",
        ),
        ({"node_cidr_ipv6": "fd12:3456:789a:1::/64"}, "load_balancer_cidr_ipv6: fd12:3456:789a:1::/64"),
    ],
    ids=["ingress_backend", "backups and alerts", "IPv6"],
)
def test_another_answer_gives_what_a_new_cluster_with_it_has(
    years: Years, render: Renderer, template: Path, answers: dict[str, str], taken_over: str
) -> None:
    fresh = home_with_apps(years.folder / "fresh", render(answers), template)
    said = years.update(*(word for name, value in answers.items() for word in ("--data", f"{name}={value}")))
    assert f"the cluster at {VERSION}: " in said
    found, wanted = without_the_version(tree_of(years.root)), without_the_version(tree_of(fresh.root))
    assert sorted(found.keys() ^ wanted.keys()) == []
    assert sorted(name for name in found if found[name] != wanted[name]) == []
    for app in (JELLYFIN, f"{MEDIA}/board"):
        assert taken_over in years.text(f"{app}/.copier-answers.yml")


@pytest.mark.witness
def test_what_another_answer_changes_is_said_in_words_before_it_is_written(
    tmp_path: Path, render: Renderer, template: Path
) -> None:
    worker = {"name": "k8s-4", "address": "192.168.1.97", "disk": "/dev/sda", "interface": "eno1", "controller": False}
    nodes = [*yaml.safe_load((render({}) / ".copier-answers.yml").read_text())["nodes"], worker]
    home = home_with_apps(
        tmp_path / "before", render({"nodes": nodes, "storage": "longhorn"}), template, apps=[JELLYFIN]
    )
    years = Years(tmp_path, home.root, template)
    done = years.run("--dry-run", "--data", "controllers_run_apps=false")
    assert "nodes that run apps: k8s-1, k8s-2, k8s-3, k8s-4 becomes k8s-4\n" in done.stdout
    assert "copies of a Longhorn volume: 3 becomes 1\n" in done.stdout
    assert "becomes" not in years.run("--dry-run", "--data", "timezone=Europe/Berlin").stdout
    said = years.run("--dry-run", "--data", "acme_server=staging").stdout
    assert "issuer of the certificate: letsencrypt-production becomes letsencrypt-staging\n" in said


def test_secrets_that_tasks_wrote_go_with_what_they_were_for(tmp_path: Path, render: Renderer, template: Path) -> None:
    on = {"secrets_backend": "sops", "backups": "s3", "backup_s3_url": "https://s3.example.net/anton"}
    off = {"components": [], "backups": "none"}
    home = home_with_apps(tmp_path / "before", render(on), template, apps=[JELLYFIN])
    years = Years(tmp_path, home.root, template)
    # As task init leaves it, and an edit beside that.
    for app, name in (("monitoring/grafana", "grafana"), ("flux-system/flux-instance", "backups")):
        folder = f"kubernetes/apps/{app}/app"
        (years.root / folder / f"{name}.sops.yaml").write_text("kind: Secret\n")
        listing = years.root / folder / "kustomization.yaml"
        listing.write_text(with_resource(listing.read_text(), f"./{name}.sops.yaml"))
    mine = "kubernetes/apps/flux-system/flux-instance/app/kustomization.yaml"
    (years.root / mine).write_text("# mine\n" + years.text(mine))
    years.commit()
    years.update("--data", "components=[]", "--data", "backups=none")
    assert years.text(mine).startswith("# mine\n") and "backups" not in years.text(mine)
    fresh = home_with_apps(tmp_path / "fresh", render(on | off), template, apps=[JELLYFIN])
    found, wanted = without_the_version(years.tree), without_the_version(tree_of(fresh.root))
    assert sorted(found.keys() ^ wanted.keys()) == []


# --- Answers that follow another ---


def secrets_of(years: Years, folder: str) -> dict[str, Any]:
    """Return what an app's answers say of its Secret."""
    answers = yaml.safe_load(years.text(f"{folder}/.copier-answers.yml"))
    return {name: answers[name] for name in answers if name.startswith("app_secret")}


@pytest.mark.witness
def test_secrets_of_apps_move_to_another_backend_and_back(tmp_path: Path, render: Renderer, template: Path) -> None:
    home = home_with_apps(tmp_path / "before", render({}), template, apps=[JELLYFIN])
    keys = {"app_secret_item": "Board keys", "app_secret_keys": ["API_KEY", "TOKEN"]}
    board = {**APPS[f"{MEDIA}/board"], **keys, "app_secret": "onepassword"}
    home.add("app", f"{MEDIA}/board", **board)
    home.add("app", f"{MEDIA}/other", **board | {"app_secret": "external-secret"})
    home.commit()
    years = Years(tmp_path, home.root, template)

    said = years.update("--data", "secrets_backend=sops")
    assert "app_secret was 'onepassword' and is 'sops': onepassword needs secrets_backend onepassword" in said
    for app in ("board", "other"):
        for key in keys["app_secret_keys"]:
            assert f"task secret:set SECRET={app} KEY={key} APP=media/{app}\n" in said
        assert secrets_of(years, f"{MEDIA}/{app}") == {"app_secret": "sops", "app_secret_keys": ["API_KEY", "TOKEN"]}
    assert "bootstrap/secrets.yaml changes: commit, then `task init` before you push" in said
    assert "jellyfin: app_secret" not in said
    years.commit()
    # As task secret:set leaves it.
    (years.root / f"{MEDIA}/board/app/board.sops.yaml").write_text("kind: Secret\n")
    listing = f"{MEDIA}/board/app/kustomization.yaml"
    (years.root / listing).write_text("# mine\n" + with_resource(years.text(listing), "./board.sops.yaml"))
    years.commit()

    said = years.update("--data", "secrets_backend=onepassword")
    assert "Create its 1Password item, board in vault Homelab with fields API_KEY, TOKEN." in said
    assert f"{MEDIA}/board/app/board.sops.yaml goes" in said
    moved_back = {"app_secret": "onepassword", "app_secret_item": "board", "app_secret_keys": ["API_KEY", "TOKEN"]}
    assert secrets_of(years, f"{MEDIA}/board") == moved_back
    assert not (years.root / f"{MEDIA}/board/app/board.sops.yaml").exists()
    assert "board.sops.yaml" not in years.text(listing) and years.text(listing).startswith("# mine\n")


def test_secrets_of_apps_move_to_a_store_that_external_secrets_reads(
    tmp_path: Path, render: Renderer, template: Path
) -> None:
    home = home_with_apps(tmp_path / "before", render({}), template, apps=[JELLYFIN])
    keys = {"app_secret": "onepassword", "app_secret_item": "Board keys", "app_secret_keys": ["API_KEY"]}
    home.add("app", f"{MEDIA}/board", **APPS[f"{MEDIA}/board"], **keys)
    home.commit()
    years = Years(tmp_path, home.root, template)
    said = years.update("--data", "secrets_backend=onepassword-service-account")
    assert "Board keys" not in said and "task secret:set SECRET=board" not in said
    assert "key: Board keys" in years.text(f"{MEDIA}/board/app/externalsecret.yaml")
    years.commit()
    store = {"secrets_backend": "openbao", "openbao_address": "https://bao.example.net", "openbao_mount": "homelab"}
    said = years.update(*(word for name, value in store.items() for word in ("--data", f"{name}={value}")))
    assert "task secret:set SECRET=board KEY=API_KEY APP=media/board\n" in said
    assert secrets_of(years, f"{MEDIA}/board") == keys | {"app_secret": "external-secret"}
    assert not (years.root / f"{MEDIA}/board/app/onepassworditem.yaml").exists()
    assert "name: openbao\n" in years.text(f"{MEDIA}/board/app/externalsecret.yaml")
    assert "- name: cluster-secret-store\n" in years.text(f"{MEDIA}/board/ks.yaml")


@pytest.mark.witness
def test_an_answer_that_another_makes_impossible_follows_and_is_said(years: Years) -> None:
    said = years.update("--data", "dns_provider=none")
    assert "external_access was 'cloudflare-tunnel' and is 'none': " in said
    assert "webhook_provider was 'github' and is 'none': github can not reach a cluster without" in said
    recorded = yaml.safe_load(years.text(".copier-answers.yml"))
    assert (recorded["external_access"], recorded["webhook_provider"]) == ("none", "none")
    years.commit()
    assert "already" in years.update()


def test_an_app_of_the_internet_is_one_of_the_home_without_external_access(
    tmp_path: Path, render: Renderer, template: Path
) -> None:
    home = Home(tmp_path / "before", render({}), template)
    home.add("app", f"{MEDIA}/board", **APPS[f"{MEDIA}/board"], app_exposure="external")
    home.commit()
    years = Years(tmp_path, home.root, template)
    said = years.update("--data", "external_access=none")
    assert "app_exposure was 'external' and is 'internal': external needs external_access" in said
    assert "app_exposure: internal\n" in years.text(f"{MEDIA}/board/.copier-answers.yml")


def test_what_is_given_beside_it_is_not_replaced(years: Years) -> None:
    refusal = years.refuses("--data", "external_access=none", "--data", "webhook_provider=github")
    assert refusal.startswith("the cluster: webhook_provider can't be 'github': github can not reach")
    assert "--data" not in refusal


def test_an_answer_that_stays_is_refused_with_what_to_add(tmp_path: Path, render: Renderer, template: Path) -> None:
    answers = {
        "alerts": "pushover",
        "backups": "s3",
        "backup_s3_url": "https://s3.example.net/anton",
    }
    home = Home(tmp_path / "before", render(answers), template)
    home.add("app", JELLYFIN, **APPS[JELLYFIN], app_mounts=[{"path": "/config", "pvc": "5Gi"}])
    home.commit()
    years = Years(tmp_path, home.root, template)
    assert years.refuses("--data", "components=[]").endswith(
        "add `--data alerts=none`, or another answer, to the command."
    )
    assert years.refuses("--data", "storage=none").endswith(
        "add `--data backups=none`, or another answer, to the command."
    )
    refusal = years.refuses("--data", "storage=none", "--data", "backups=none")
    assert refusal.startswith(f"{JELLYFIN}: app_mounts can't be ")
    assert refusal.endswith(
        "change it first, `copier update --defaults --data app_mounts=...` in that folder, and commit."
    )
    pool = "192.168.1.200-192.168.1.210"
    assert years.refuses("--data", f"load_balancer_pool={pool}").endswith(
        "add `--data dns_address=192.168.1.200 --data internal_address=192.168.1.201 --data"
        " external_address=192.168.1.202`, or other answers, to the command."
    )


def test_a_program_reads_what_follows(years: Years) -> None:
    done = years.run("--dry-run", "--json", "--data", "external_access=none")
    cluster = json.loads(done.stdout)["instances"][0]
    assert cluster["followed"] == {
        "webhook_provider": {
            "before": "github",
            "now": "none",
            "reason": "github can not reach a cluster without external_access",
        }
    }


def test_only_what_is_named_follows(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.update("--only", JELLYFIN)
    assert {line[3:].removeprefix(f"{JELLYFIN}/") for line in years.status.splitlines()} == {
        ".copier-answers.yml",
        "ks.yaml",
    }
    years.commit()
    years.update("--only", ".")
    assert not any(line[3:].startswith(MEDIA) for line in years.status.splitlines())
    assert "retryInterval: 3m" in years.text(f"{COREDNS}/ks.yaml")


def test_an_app_alone_gets_what_the_cluster_answers(years: Years) -> None:
    years.update("--only", JELLYFIN, "--data", "ingress_backend=envoy-gateway")
    assert "ingress_backend: envoy-gateway" in years.text(f"{JELLYFIN}/.copier-answers.yml")
    assert all(line[3:].startswith(JELLYFIN) for line in years.status.splitlines())


def test_a_new_answer_that_apps_take_over_is_the_clusters(years: Years) -> None:
    shared = "\ncolour:\n  type: str\n  default: \"{{ colour if colour is defined else 'red' }}\"\n  ask: false\n"
    shared += "  when: \"{{ generator != 'namespace' }}\"\n"
    questions = (years.template / "questions/cluster.yml").read_text()
    years.released("questions/cluster.yml", questions + shared)
    years.release(NEXT)
    assert "colour is new, and 'red' by default" in years.run("--dry-run").stdout
    years.update("--to", NEXT, "--data", "colour=blue")
    for folder in (".", *APPS):
        assert "colour: blue\n" in years.text(f"{folder}/.copier-answers.yml")
    assert "colour" not in years.text(f"{MEDIA}/.copier-answers.yml")


def at_a_terminal(years: Years) -> "pexpect.spawn[str]":
    """`talos-flux update` as a person sees it."""
    typed_to = years.environment | {"PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm"}
    program, *words = [*TALOS_FLUX, "update"]
    return pexpect.spawn(program, words, cwd=years.root, env=typed_to, encoding="utf-8")


def test_a_new_question_is_asked_once_where_somebody_can_answer(years: Years) -> None:
    questions = (years.template / "questions/cluster.yml").read_text()
    years.released("questions/cluster.yml", questions + question("colour", "red"))
    years.release(NEXT)
    terminal = at_a_terminal(years)
    terminal.expect_exact("Which colour?", timeout=180)
    terminal.expect_exact("red")
    terminal.sendline("dish")
    terminal.expect(pexpect.EOF, timeout=180)
    terminal.close()
    assert terminal.exitstatus == 0
    assert "colour: reddish\n" in years.text(".copier-answers.yml")


@pytest.mark.witness
def test_a_dry_run_shows_the_lines_and_changes_nothing(years: Years) -> None:
    years.release(NEXT, FLUX)
    shown = years.update("--dry-run", "--diff", "--only", JELLYFIN)
    assert "-  retryInterval: 2m\n+  retryInterval: 3m\n" in shown
    assert years.status == ""


def test_programs_read_the_same(years: Years) -> None:
    years.edit(f"{JELLYFIN}/ks.yaml", "retryInterval: 2m", "retryInterval: 7m")
    years.commit()
    years.release(NEXT, FLUX)
    said = json.loads(years.run("--check", "--json").stdout)
    states = {instance["folder"]: instance["state"] for instance in said["instances"]}
    assert said["target"] == NEXT
    assert states == {".": "updated", MEDIA: "updated", "kubernetes/apps/tools": "updated"} | {
        app: "conflicts" if app == JELLYFIN else "updated" for app in APPS
    }
    assert [conflict["path"] for instance in said["instances"] for conflict in instance["conflicts"]] == [
        f"{JELLYFIN}/ks.yaml"
    ]


def test_the_releases_between_are_shown(years: Years) -> None:
    for version in ("v998.0.0", NEXT, "v999.2.0", "v1000.0.0"):
        years.released(f"docs/releases/{version}.md", f"# {version}: pins move\n\nCilium goes\nto 2.0.\n\nMore.\n")
    years.release(NEXT)
    years.release("v999.2.0")
    shown = years.run("--check").stdout
    assert "v999.1.0: pins move\n  Cilium goes to 2.0.\n" in shown
    assert shown.index("v999.1.0: ") < shown.index("v999.2.0: ")
    assert "v998.0.0: " not in shown
    assert "v1000.0.0: " not in shown
    assert "More." not in shown


def question(name: str, default: str) -> str:
    """Return a new cluster question, in YAML."""
    text = f"\n{name}:\n  type: str\n  help: Which colour?\n  default: {default}\n"
    return text + "  when: \"{{ generator == 'cluster' }}\"\n"


def test_a_question_that_got_another_name_keeps_its_answer_and_is_not_asked(years: Years) -> None:
    questions = (years.template / "questions/cluster.yml").read_text()
    years.released("questions/cluster.yml", questions + question("colour", "red"))
    years.released("template/door.txt.jinja", "{{ colour }}\n")
    years.release("v999.0.1")
    years.update("--data", "colour=blue", "--to", "v999.0.1")
    years.commit()
    years.released("questions/cluster.yml", questions + question("paint", "red"))
    years.released("template/door.txt.jinja", "{{ paint }}\n")
    years.released(f"docs/releases/{NEXT}.md", "---\nrenamed:\n  colour: paint\n---\n# Another name\n\nNo more.\n")
    years.release(NEXT)
    terminal = at_a_terminal(years)
    terminal.expect(pexpect.EOF, timeout=180)
    assert "Which colour?" not in terminal.before
    assert "paint: blue\n" in years.text(".copier-answers.yml")
    assert "colour: blue" not in years.text(".copier-answers.yml")
    assert years.text("door.txt") == "blue\n"
    assert [line for line in years.status.splitlines() if not line.endswith(".copier-answers.yml")] == []


def test_a_question_that_is_gone_says_why(years: Years) -> None:
    text = "---\nremoved:\n  timezone: every node is on UTC now\n---\n# No time zones\n\nLess to ask.\n"
    years.released(f"docs/releases/{NEXT}.md", text)
    years.release(NEXT)
    assert "    timezone is gone: every node is on UTC now\n" in years.run("--check").stdout


def test_a_version_that_a_release_needs_is_raised_and_what_is_newer_stays(years: Years) -> None:
    pins = yaml.safe_load(years.text(".copier-answers.yml"))
    text = "---\npins:\n  pin_cilium: 99.0.0\n  pin_coredns: 0.0.1\n---\n# Cilium 99\n\nIt has to be.\n"
    years.released(f"docs/releases/{NEXT}.md", text)
    years.release(NEXT)
    years.update()
    assert "pin_cilium: 99.0.0\n" in years.text(".copier-answers.yml")
    assert f"pin_coredns: {pins['pin_coredns']}\n" in years.text(".copier-answers.yml")
    assert "tag: 99.0.0\n" in years.text(CILIUM)
    years.update("--undo")
    years.edit(CILIUM, f"tag: {pins['pin_cilium']}", "tag: 99.1.0")
    years.commit("feat: what Renovate raised")
    assert years.conflicts() == [CILIUM]


@pytest.mark.parametrize(
    "note", ["---\nrenamed: [a]\n---\n# Wrong\n", "---\n- a\n---\n# Wrong\n", "---\n: {\n---\n# Wrong\n", ""]
)
def test_a_note_that_is_none_is_named(note: str, years: Years) -> None:
    years.released(f"docs/releases/{NEXT}.md", note)
    years.release(NEXT)
    assert years.refuses().endswith(f"docs/releases/{NEXT}.md can't be read as the note of a release.")


# --- Unusual files ---


def test_unusual_files_are_kept(years: Years) -> None:
    names = ["app/Größe ä.yaml", "app/with space.yaml", "app/run.sh", "app/icon.png", "app/same.yaml"]
    for name in names:
        (years.root / JELLYFIN / name).write_bytes(b"\0mine\xff" if name.endswith("png") else b"mine: 1\n")
    (years.root / JELLYFIN / "app/run.sh").chmod(0o755)
    (years.root / JELLYFIN / "app/link.yaml").symlink_to("same.yaml")
    years.edit(f"{JELLYFIN}/ks.yaml", "prune: true", "prune: true # kept")
    years.commit()
    before = years.tree
    years.release(NEXT, FLUX)
    years.update()
    after = years.tree
    changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
    assert not any(
        Path(name).name in ("Größe ä.yaml", "with space.yaml", "run.sh", "icon.png", "link.yaml") for name in changed
    )
    assert os.access(years.root / JELLYFIN / "app/run.sh", os.X_OK)
    assert (years.root / JELLYFIN / "app/link.yaml").is_symlink()


@pytest.mark.witness
def test_a_link_in_place_of_a_file_is_a_conflict(years: Years) -> None:
    path = years.root / "README.md"
    path.rename(years.root / "LIESMICH.md")
    path.symlink_to("LIESMICH.md")
    years.commit()
    before = years.tree
    years.release(NEXT, README)
    assert "README.md" in years.conflicts()
    assert path.is_symlink()
    years.update("--undo")
    assert (years.tree, years.status) == (before, "")


def test_an_executable_stays_one_and_a_new_one_becomes_one(years: Years) -> None:
    script = years.template / "template/scripts/hello.py"
    script.write_text("#!/usr/bin/env python3\n")
    script.chmod(0o755)
    years.release(NEXT, {"template/scripts/check-flux-config.py": ("import os\n", "import os  # again\n")})
    years.update()
    assert os.access(years.root / "scripts/hello.py", os.X_OK)
    assert os.access(years.root / "scripts/check-flux-config.py", os.X_OK)
    assert git(years.root, "diff", "--name-only") == ""


def test_a_file_that_becomes_a_folder_and_back(years: Years) -> None:
    years.released("template/docs/notes", "one\n")
    years.release(NEXT)
    years.update()
    years.commit()
    (years.template / "template/docs/notes").unlink()
    years.released("template/docs/notes/one.md", "one\n")
    years.release("v999.2.0")
    before = years.tree
    years.update()
    assert years.text("docs/notes/one.md") == "one\n"
    years.update("--undo")
    assert (years.tree, years.status) == (before, "")


def test_comments_and_keys_of_ones_own_stay_in_the_answers_file(years: Years) -> None:
    path = f"{JELLYFIN}/.copier-answers.yml"
    text = years.text(path)
    years.root.joinpath(path).write_text(f"# Mine.\n{text}mine: [a, b]\n")
    years.commit()
    years.release(NEXT, FLUX)
    years.update()
    now = years.text(path)
    assert now.startswith("# Mine.\n") and now.endswith("mine: [a, b]\n")
    assert NEXT in now


# --- Taking it back ---


@pytest.mark.witness
def test_undo_restores_every_byte(years: Years) -> None:
    before = years.tree
    years.released("template/new/folder/file.yaml", "---\n")
    years.release(NEXT, FLUX)
    years.update()
    assert years.tree != before
    years.update("--undo")
    assert (years.tree, years.status) == (before, "")
    assert years.refuses("--undo") == "there is no update to undo."


def test_undo_in_the_middle_of_conflicts_restores_every_byte_but_what_was_edited_since(years: Years) -> None:
    for app in (JELLYFIN, f"{MEDIA}/board"):
        years.edit(f"{app}/ks.yaml", "retryInterval: 2m", "retryInterval: 7m")
    years.commit()
    before = years.tree
    years.release(NEXT, FLUX)
    assert len(years.conflicts()) == 2
    years.edit(f"{JELLYFIN}/ks.yaml", "<<<<<<< yours\n", "")
    git(years.root, "add", f"{JELLYFIN}/ks.yaml")
    done = years.run("--undo")
    assert done.returncode == 2
    assert f"warning: {JELLYFIN}/ks.yaml was edited after the update, and stays as it is" in done.stderr
    assert "Everything else is as it was before the update." in done.stdout
    git(years.root, "checkout", "HEAD", "--", f"{JELLYFIN}/ks.yaml")
    assert (years.tree, years.status) == (before, "")


@pytest.mark.witness
def test_a_committed_update_is_not_undone(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.update()
    years.commit()
    assert years.refuses("--undo") == "the update has been committed: `git revert` takes it back."


# Each replaces a file or folder, deletes one or makes a folder: a step of an update.
STEP = """
import os, pathlib
def step(name, left=[{at}]):
    really = getattr(pathlib.Path, name)
    def do(path, *arguments, **options):
        if str(path).startswith(os.getcwd()):
            left[0] -= 1
            if left[0] == 0:
                {act}
        return really(path, *arguments, **options)
    setattr(pathlib.Path, name, do)
for name in ("replace", "unlink", "write_bytes"):
    step(name)
"""
KILL = "os.kill(os.getpid(), 9)"
FULL = "raise OSError(28, 'No space left on device')"
INTERRUPT = "raise KeyboardInterrupt"


def stopping(at: int, act: str) -> str:
    return f"exec({STEP.format(at=at, act=act)!r})"


@pytest.mark.parametrize(
    ("act", "every"), [(KILL, 2), (FULL, 3), (INTERRUPT, 3)], ids=["killed", "full", "interrupted"]
)
def test_stopped_anywhere_it_leaves_nothing(years: Years, act: str, every: int) -> None:
    years.edit(f"{JELLYFIN}/ks.yaml", "retryInterval: 2m", "retryInterval: 7m")
    years.commit()
    before = years.tree
    years.release(NEXT, FLUX)
    halves = set()
    for at in range(1, 40, every):
        done = years.run("--to", NEXT, "--only", MEDIA, before=stopping(at, act))
        if done.returncode == 2:
            break
        assert "Traceback" not in done.stderr
        assert done.returncode in (-9, 1, 130), done.stderr
        halves.add(years.status == "")
        if act == KILL:
            assert years.run("--undo").returncode in (0, 1)
        assert (years.tree, years.status) == (before, ""), f"stopped at step {at}"
    else:
        pytest.fail("it was never finished")
    assert halves == ({True, False} if act == KILL else {True})
    years.update("--undo")
    assert (years.tree, years.status) == (before, "")


@pytest.mark.witness
def test_two_updates_at_once_are_one(years: Years) -> None:
    lock = f"import fcntl; lock = open({str(years.root / '.git/copier-update.lock')!r}, 'w'); fcntl.flock(lock, 2)"
    done = years.run(before=lock)
    assert done.returncode == 1
    assert "another update is running in this repository" in done.stderr


# --- What is refused ---


@pytest.mark.witness
def test_uncommitted_work_is_named(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.edit("README.md", "## Follow", "## follow")
    assert years.refuses() == "README.md has changes that are not committed: commit or stash them first."
    git(years.root, "add", "README.md")
    assert years.refuses() == "README.md has changes that are not committed: commit or stash them first."
    assert years.run("--check").returncode == 2


def test_a_file_in_the_way_is_named(years: Years) -> None:
    years.released("template/new.yaml", "---\n")
    years.release(NEXT)
    (years.root / "new.yaml").write_text("mine\n")
    assert years.refuses() == "new.yaml is in the way: git does not track it, and the template brings such a file."


def test_a_version_that_is_none_is_named(years: Years) -> None:
    years.release(NEXT, FLUX)
    assert years.refuses("--to", "v7.0.0") == f"the template {years.template} has no version v7.0.0."
    branch = git(years.template, "branch", "--show-current").strip()
    assert years.refuses("--to", branch).startswith(f"{branch} is no version of the template but moves on: ")


def test_there_is_no_way_back(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.update()
    years.commit()
    assert years.refuses("--to", VERSION) == f"the cluster follows {NEXT}, which is newer than {VERSION}."


def test_a_commit_before_the_recorded_one_is_no_update(years: Years) -> None:
    older = git(years.template, "rev-parse", "HEAD").strip()
    years.release("nightly")
    newer = git(years.template, "rev-parse", "HEAD").strip()
    years.update("--to", newer)
    years.commit()
    assert years.refuses("--to", older) == f"the cluster follows {newer}, which is newer than {older}."


def test_a_recorded_version_that_is_gone_is_named(years: Years) -> None:
    years.edit(f"{JELLYFIN}/.copier-answers.yml", VERSION, "v0.9.0")
    years.commit()
    years.release(NEXT, FLUX)
    assert years.refuses() == (
        f"{JELLYFIN}: the template {years.template} no longer has v0.9.0, which is recorded in "
        f"{JELLYFIN}/.copier-answers.yml: write the version there whose files these are most like, and commit."
    )


def test_a_template_that_moved_is_followed(years: Years) -> None:
    old = str(years.template)
    years.template = years.template.rename(years.folder / "moved")
    years.edit(".copier-answers.yml", f"_src_path: {old}\n", f"_src_path: {years.template}\n")
    years.commit()
    years.release(NEXT, FLUX)
    years.update()
    for folder in (".", MEDIA, *APPS):
        assert f"_src_path: {years.template}\n" in years.text(f"{folder}/.copier-answers.yml")
        assert f"_commit: {NEXT}\n" in years.text(f"{folder}/.copier-answers.yml")


def test_a_version_that_only_the_old_place_has_is_taken_from_there(years: Years) -> None:
    new = years.folder / "new"
    git(years.folder, "clone", "--quiet", str(years.template), str(new))
    git(new, "tag", NEXT)
    git(new, "tag", "--delete", VERSION)
    years.edit(".copier-answers.yml", f"_src_path: {years.template}", f"_src_path: {new}")
    years.commit()
    years.run("--check")
    years.template.rename(years.folder / "gone")
    shutil.rmtree(years.folder / "cache")
    assert f"the template {new} no longer has {VERSION}" in years.refuses()
    (years.folder / "gone").rename(years.template)
    years.edit(".copier-answers.yml", f"_commit: {VERSION}", f"_commit: {NEXT}")
    years.commit()
    years.update()
    assert f"_commit: {NEXT}" in years.text(f"{JELLYFIN}/.copier-answers.yml")


def test_five_versions_become_one(years: Years) -> None:
    for number, app in enumerate([JELLYFIN, f"{MEDIA}/board", "kubernetes/apps/tools", MEDIA], 1):
        years.release(f"v999.0.{number}", {"macros/flux.jinja": ("\n  prune: true", f"\n  # {number}\n  prune: true")})
        years.update("--only", app)
        years.commit()
    years.release(NEXT, FLUX)
    years.update()
    for folder in (COREDNS, *APPS):
        text = years.text(f"{folder}/ks.yaml")
        assert all(f"  # {number}\n" in text for number in range(1, 5))
        assert "retryInterval: 3m" in text


def test_a_shallow_clone_of_the_cluster_is_enough(years: Years) -> None:
    git(years.folder, "clone", "--quiet", "--depth=1", years.root.as_uri(), str(years.folder / "shallow"))
    years.root = years.folder / "shallow"
    years.release(NEXT, FLUX)
    years.update()
    assert "retryInterval: 3m" in years.text(f"{JELLYFIN}/ks.yaml")


def test_a_detached_head_is_as_good(years: Years) -> None:
    git(years.root, "checkout", "--quiet", "--detach")
    years.release(NEXT, FLUX)
    years.update()
    years.update("--undo")
    assert years.status == ""


def test_the_template_is_fetched_once_for_all_versions(years: Years) -> None:
    years.release(NEXT, FLUX)
    assert years.run("--check").stdout.count("Fetching") == 1
    years.release("v999.2.0")
    assert years.run("--check").stdout.count("Fetching") == 1
    assert "Fetching" not in years.run("--check").stdout


def test_a_shallow_clone_of_the_template_is_named(years: Years) -> None:
    years.release(NEXT, FLUX)
    shallow = years.folder / "shallow"
    git(years.folder, "clone", "--quiet", "--depth=1", years.template.as_uri(), str(shallow))
    years.edit(".copier-answers.yml", f"_src_path: {years.template}\n", f"_src_path: {shallow}\n")
    years.commit()
    for path in (f"{MEDIA}/.copier-answers.yml", *(f"{app}/.copier-answers.yml" for app in APPS)):
        years.edit(path, f"_src_path: {years.template}\n", f"_src_path: {shallow}\n")
    years.commit()
    assert years.refuses() == (
        f"the cluster: the template {shallow} is a shallow clone without {VERSION}: "
        f"`git -C {shallow} fetch --unshallow --tags` completes it."
    )
    git(shallow, "fetch", "--quiet", "--unshallow", "--tags")
    years.update()
    assert "retryInterval: 3m" in years.text(f"{JELLYFIN}/ks.yaml")


def test_uncommitted_work_of_the_template_is_left_out(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.released("template/new.yaml", "---\n")
    years.update()
    assert not (years.root / "new.yaml").exists()


def test_what_was_fetched_before_needs_no_network(years: Years) -> None:
    years.release(NEXT, FLUX)
    years.run("--check")
    years.template.rename(years.folder / "gone")
    refusal = years.refuses()
    assert refusal.startswith(f"the template {years.template} can't be reached: ")
    assert refusal.endswith("--to names a version that was fetched before.")
    years.update("--to", NEXT)


def test_an_answers_file_with_conflict_markers_is_named(years: Years) -> None:
    years.edit(f"{JELLYFIN}/.copier-answers.yml", "_commit:", "<<<<<<< before updating\n_commit:")
    years.commit()
    assert years.refuses("--to", VERSION) == (
        f"{JELLYFIN}/.copier-answers.yml has conflict markers: decide which lines stay, then commit it."
    )


def test_a_folder_outside_of_git_is_refused(years: Years) -> None:
    shutil.rmtree(years.root / ".git")
    done = years.run()
    assert done.returncode == 1
    assert "error: git can't read this repository: not a git repository" in done.stderr


def test_a_repository_without_a_commit_is_refused(years: Years) -> None:
    shutil.rmtree(years.root / ".git")
    git(years.root, "init", "--quiet")
    assert "is not in git here" in years.refuses()
    git(years.root, "add", "--all")
    assert "has changes that are not committed" in years.refuses()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("colour=blue", "the cluster: colour is no question of the template"),
        ("domain=-", "the cluster: domain can't be '-': "),
        ("ingress_backend=traefik", "the cluster: ingress_backend can't be 'traefik'"),
        ("app_port=80", "the cluster: app_port is no answer of the cluster but of kubernetes/apps/media/"),
        ("external_dns_target=a.example.net", "the cluster: external_dns_target does not apply: "),
        ("generator=app", "the cluster: generator can't be changed"),
        ("domain", "--data is question=answer, not domain."),
    ],
)
@pytest.mark.witness
def test_a_wrong_answer_is_refused(data: str, reason: str, years: Years) -> None:
    assert years.refuses("--data", data).startswith(reason)


NODES = [{"name": "one", "address": "192.168.1.98", "disk": "/dev/sda", "interface": "eth0"}]


def test_a_file_of_answers_gives_what_a_new_cluster_with_them_has(
    years: Years, render: Renderer, template: Path
) -> None:
    # What a new cluster has by default depends on its nodes, what is recorded stays.
    by_nodes = {"components": ["monitoring", "kubeai"], "talos_extensions": []}
    answers = {"domain": "home.example.net", "repository_url": "https://github.com/me/home.git", "nodes": NODES}
    answers |= by_nodes
    fresh = home_with_apps(years.folder / "fresh", render(answers), template)
    file = years.folder / "answers.yaml"
    file.write_text(yaml.safe_dump(answers, sort_keys=False))
    years.update("--data-file", str(file))
    found, wanted = without_the_version(tree_of(years.root)), without_the_version(tree_of(fresh.root))
    assert sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name)) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "can't be read: No such file or directory."),
        ("nodes: [", "is no YAML: "),
        ("one\n", "holds no answers: "),
        ("\udcff", "is no YAML: "),
    ],
)
def test_a_file_that_holds_no_answers_is_refused(text: str | None, reason: str, years: Years) -> None:
    file = years.folder / "answers.yaml"
    if text is not None:
        file.write_text(text, errors="surrogateescape")
    assert years.refuses("--data-file", str(file)).startswith(f"{file} {reason}")


def test_a_recorded_answer_that_a_later_rule_refuses_is_named(years: Years) -> None:
    years.release(NEXT, {"macros/names.jinja": ("{% if not is_domain(text) %}", "{% if true %}")})
    assert years.refuses().startswith("the cluster: domain can't be ")


def test_a_folder_that_follows_nothing_is_named(years: Years) -> None:
    assert years.refuses("--only", "talos") == "nothing in talos follows the template: no .copier-answers.yml is there."


def test_another_template_is_let_be(years: Years) -> None:
    (years.root / "docs/site").mkdir()
    (years.root / "docs/site/.copier-answers.yml").write_text("_src_path: gh:someone/docs\n_commit: v1.0.0\n")
    years.commit()
    assert "already" in years.update()
