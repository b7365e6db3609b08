"""What is not ready is waited for: each kind of object held back holds up its app, and whatever depends on that."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.actors import ACTS, is_ready
from tests.cluster.cluster import Cluster
from tests.support import flux
from tests.support.additions import Adder
from tests.support.render import git

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("waiting")]

# Not waited for, and so not held back here: a change to it restarts the controller that would wait.
NOT_WAITED_FOR = {"FluxInstance"}
# In the order in which a cluster needs them.
KINDS = [kind for _, kind in ACTS if kind not in NOT_WAITED_FOR]


@pytest.fixture(scope="module")
def live(
    checkout: Callable[[str, Path], Path], template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """A cluster that uses every kind that is played, and where none of them gets ready."""
    folder = tmp_path_factory.mktemp("waiting")
    root = checkout("envoy-gateway", folder / "home")
    data = {
        "app_image": "ghcr.io/example/app",
        "app_tag": "1.2.3",
        "app_secret": "external-secret",
        "app_secret_keys": ["TOKEN"],
    }
    Adder(template).add("app", root / "kubernetes/apps/default/secretive", data)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "feat: an app")
    cluster = Cluster(root, folder / "run")
    cluster.actors.held |= set(KINDS)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def held_up(live: Cluster) -> set[str]:
    """The Kustomizations with an object of a kind that is held back, and all that depend on them."""
    applied = flux.reconcile(live.repository)
    found = {name for name, items in applied.items() if {item["kind"] for item in items} & live.actors.held}
    return found | {name for name in live.repository.app if live.repository.requirements(name) & found}


@pytest.mark.parametrize("kind", KINDS)
def test_what_needs_it_waits_and_goes_on_when_it_is_ready(kind: str, live: Cluster) -> None:
    # cluster-apps waits for all of its apps.
    waiting = held_up(live)
    free = live.repository.app.keys() - waiting
    assert waiting, f"nothing in this cluster waits for a {kind}"

    def ready() -> set[str]:
        return {name for name, item in live.kustomizations.items() if is_ready(item)}

    live.wait_until(lambda: ready() >= free, f"everything that needs no {', '.join(sorted(live.actors.held))} is Ready")
    assert not ready() & waiting
    for name in waiting:
        if live.repository.requirements(name) & waiting:
            assert "inventory" not in live.kustomizations[name]["status"], f"{name} did not wait"
    live.actors.held.discard(kind)


def test_nothing_waits_when_everything_is_ready(live: Cluster) -> None:
    live.actors.held.clear()
    live.wait_until_ready()
