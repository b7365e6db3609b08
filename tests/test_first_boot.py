"""First boot, as the cluster's own page says: each task prints what stands below it, in clusters of both kinds."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.doubles.anton import Home, use
from tests.doubles.factory import image_factory
from tests.doubles.machines import machine, network, running
from tests.doubles.openbao import openbao
from tests.doubles.workplace import ANSWERS, Workplace, set_up
from tests.support.apiserver import ApiServer
from tests.support.given import given
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.test_bootstrap import register, with_charts_that_show_their_values
from tests.tools.records.secret_stores import Backend, backends

pytestmark = [
    needs("kube-apiserver", "kubectl", "helm", "helmfile", "sops", "age-keygen", "talosctl", "task", "flux"),
    pytest.mark.full,
    pytest.mark.xdist_group("changes-the-server"),
]

PAGE = "docs/runbooks/first-boot.md"
STEP = re.compile(r"^```sh\ntask ([^\n]*)\n```\n(?:\n[^`]*?)??\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)


def as_pattern(printed: str) -> re.Pattern[str]:
    """Return a pattern in which a line of … matches any lines, and … within a line matches any text."""
    lines = [
        r"(?:.*\n)*?" if line.strip() == "…" else ".*".join(map(re.escape, line.rstrip().split("…"))) + r"[ ]*\n"
        for line in printed.splitlines()
    ]
    return re.compile("(?:.*\n)*?".join(lines))


def test_a_pattern_wants_every_line_in_its_order() -> None:
    said = "Installed 3 packages\n✓ one for age1abc.\nmore\n✓ two\n"
    assert as_pattern("✓ one for age1….\n…\n✓ two\n").search(said)
    assert not as_pattern("✓ two\n✓ one for age1….\n").search(said)
    assert not as_pattern("✓ one for age2….\n").search(said)


@contextmanager
def cluster_with(backend: Backend, render: Renderer, folder: Path) -> Iterator[Workplace]:
    """Provide a cluster that keeps its secrets there, and the store itself, where it is one that can be had."""
    if backend.client != "openbao":
        yield set_up(folder, render(ANSWERS | backend.answers))
        return
    with openbao(folder / "openbao") as store:
        workplace = set_up(folder, render(ANSWERS | store.answers))
        workplace.extra |= store.environment()
        store.does_what_the_page_says(workplace.read(PAGE))
        yield workplace


def given_by_a_person(workplace: Workplace) -> list[tuple[str, str]]:
    """Return Secret and key of what the cluster needs before Flux runs, and only a person has."""
    listed = yaml.safe_load(workplace.read("bootstrap/secrets.yaml"))["secrets"]
    before_flux = [secret for secret in listed if "namespace" in secret and "app" not in secret]
    return [(secret["name"], key["name"]) for secret in before_flux for key in secret["keys"] if key["made"] == "given"]


@pytest.mark.parametrize(
    "backend",
    [pytest.param(each, marks=[needs("bao")] if each.client == "openbao" else []) for each in backends()],
    ids=lambda backend: backend.name,
)
def test_each_task_prints_what_the_page_shows(
    backend: Backend, render: Renderer, server: ApiServer, tmp_path: Path
) -> None:
    with cluster_with(backend, render, tmp_path) as workplace:
        follow_the_page(Home(workplace, network()), server, tmp_path)


def follow_the_page(home: Home, server: ApiServer, tmp_path: Path) -> None:
    """Run each task of the page, and compare what it prints."""
    workplace = home.workplace
    for path in [*(workplace.root / "talos").rglob("*.yaml"), workplace.root / PAGE]:
        path.write_text(path.read_text().replace("192.168.1.", f"{home.network}."))
    with_charts_that_show_their_values(home, tmp_path)
    steps = STEP.findall(workplace.read(PAGE))
    assert [task.split()[0] for task, _ in steps] == [
        "init", "configure", "talos:inventory", "bootstrap:talos", "bootstrap:apps",
    ]  # fmt: skip
    machines = [machine(home.address(last)) for last in (98, 99, 100)]
    with image_factory() as factory, running(tmp_path, machines):
        workplace.extra["IMAGE_FACTORY_URL"] = factory.url
        for task, printed in steps:
            words = task.split()
            if words[0] == "bootstrap:talos":
                words += ["--", "--yes", "--timeout=1"]
            if words[0] == "bootstrap:apps":
                use(home, server)
                register(server, "k8s-1", "k8s-2", "k8s-3")
                words += ["--", "--timeout=0.1"]
            said = workplace.succeeds(*words)
            assert as_pattern(printed).search(said), f"task {task} prints\n{said}\nand the page says\n{printed}"
            if words[0] == "init":
                for name, key in given_by_a_person(workplace):
                    workplace.succeeds(
                        "secret:set", f"SECRET={name}", f"KEY={key}", stdin=given(workplace.root, name, key)
                    )
            workplace.push()
