"""What Flux can't deploy is told by flux-deployment-check: each mistake once, where it began, with one command."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cluster import faults
from tests.cluster.cluster import NAMESPACE, Cluster
from tests.cluster.conftest import Slot
from tests.cluster.faults import BAD_SOURCE, FAULTS, FROZEN_APP, Fault
from tests.support import pictures
from tests.support.commands import TALOS_FLUX
from tests.support.needs import CLUSTER, needs
from tests.support.render import commit_all, git
from tests.support.terminal import Terminal

pytestmark = [
    needs(*CLUSTER, "task", "sops", "age-keygen", "terminal"),
    pytest.mark.full,
    pytest.mark.xdist_group("faults"),
]

TOLD = [fault for fault in (*FAULTS, BAD_SOURCE) if fault.says]
SHOWN = {"no-secret", "waiter", "second-waiter", "bad-tag", "paused", "after-paused"}
SECONDS = 180


@pytest.fixture(scope="module")
def live(slot: Slot, checkout: Callable[[str, Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """Provide a cluster that Flux has brought up as far as it can."""
    folder = tmp_path_factory.mktemp("faults")
    root = checkout("minimal", folder)
    faults.make_all(root)
    commit_all(root, "feat: mistakes")
    # Two dozen that are tried every few seconds would leave no time for anything else.
    cluster = slot.take(root, folder / "run", retry="20s")
    (root / "kubeconfig").write_text(cluster.server.kubeconfig())
    cluster.source.failing["bad-tag"] = "MANIFEST_UNKNOWN: manifest unknown"
    cluster.start()
    cluster.wait_until(lambda: len(problems(cluster)) >= len(TOLD), "all that is wrong is told")
    return cluster


def says(live: Cluster, script: str = "deployments", *arguments: str) -> tuple[int, Any]:
    """Run a script, and return its exit code and its JSON output."""
    command = [*TALOS_FLUX, script, "--json", *arguments]
    done = subprocess.run(command, cwd=live.checkout, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def problems(live: Cluster, script: str = "deployments") -> dict[str, Any]:
    """Return the problems with Flux' objects that a script reports, by the sentence that it reports."""
    _, report = says(live, script)
    [part] = [part for part in report["parts"] if part["name"] == "flux"]
    found = {f"{one['subject']}: {one['text']}": one for one in part["problems"]}
    return {re.sub("main@[0-9a-f]{7}", "main@COMMIT", said): one for said, one in found.items()}


def unsettled(live: Cluster) -> bool:
    """Whether a new commit still goes through the cluster: what Flux works at may look another way in a second."""
    return any("in progress" in note for part in says(live)[1]["parts"] for note in part["notes"])


def problem(live: Cluster, fault: Fault) -> Any:
    """Wait until the one problem that a mistake leads to is reported with its command, and return it."""
    found: list[Any] = []

    def told() -> bool:
        found[:] = [one for said, one in problems(live).items() if said.startswith(fault.says)]
        return len(found) == 1 and found[0]["command"].startswith(fault.command)

    live.wait_until(told, f"{fault.says} … {fault.command}", SECONDS)
    return found[0]


@pytest.mark.parametrize("fault", TOLD, ids=[fault.app for fault in TOLD])
def test_a_mistake_is_told_in_words_with_the_command_that_helps(fault: Fault, live: Cluster) -> None:
    assert problem(live, fault)["level"] == ("warning" if fault.app.startswith("paused") else "critical")


def test_nothing_else_is_told_and_what_waits_is_named_where_it_began(live: Cluster) -> None:
    for script in ("deployments", "health") * 2:
        told = problems(live, script)
        assert [said for said in told if not said.startswith(tuple(fault.says for fault in TOLD))] == [], script
        assert [fault.says for fault in TOLD if not any(said.startswith(fault.says) for said in told)] == [], script
    details = {fault.app: problem(live, fault)["details"] for fault in TOLD if fault.app in SHOWN}
    assert "and 2 wait for it: second-waiter, waiter" in details["no-secret"]
    assert "and 1 waits for it: after-paused" in details["paused"]
    assert "and 1 waits for it: default/bad-tag" in details["bad-tag"]


def test_a_release_that_is_not_ready_is_followed_to_what_the_kubelet_says(live: Cluster) -> None:
    details = "\n".join(problem(live, next(fault for fault in FAULTS if fault.app == "no-secret"))["details"])
    assert 'secret "nowhere" not found' in details
    details = "\n".join(problem(live, next(fault for fault in FAULTS if fault.app == "privileged"))["details"])
    assert 'violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)' in details


def test_failures_end_in_two_and_one_namespace_knows_only_its_own(live: Cluster) -> None:
    assert says(live)[0] == 2
    code, report = says(live, "deployments", "--namespace", "network")
    assert (code, report["level"]) == (0, "healthy")
    assert {row["name"].partition("/")[0] for row in report["objects"]} == {"network", "flux-system"}


def test_every_object_is_listed_with_how_it_stands(live: Cluster) -> None:
    _, report = says(live)
    found = {(row["kind"], row["name"]): row for row in report["objects"]}
    assert ("Kustomization", "flux-system/echo") in found
    assert found["HelmRelease", "default/echo"]["state"] == "ready"
    assert (
        found["HelmRelease", "default/echo"]["revision"]
        == found["OCIRepository", "flux-system/app-template"]["revision"]
    )
    assert found["HelmRelease", "default/paused-release"]["state"] == "suspended"
    waiting = found["Kustomization", "flux-system/second-waiter"]
    assert waiting["why"] == "for Kustomization flux-system/waiter, in the end for HelmRelease default/no-secret"


def test_the_monitor_shows_what_changes_and_lets_keys_choose(live: Cluster) -> None:
    command = [*TALOS_FLUX, "monitor", "--watch"]
    with Terminal(command, live.checkout, size=(160, 120)) as terminal:
        terminal.shows("HelmRelease    default/echo", "suspended", "ready")
        terminal.press("f")
        terminal.shows("shown: not ready", "default/paused-release", but="default/echo ")
        terminal.press("k")
        terminal.shows("kind Kustomization", "flux-system/second-waiter", but="default/paused-release")
        terminal.press("/")
        terminal.shows("words of the name")
        terminal.press("wrong-path")
        terminal.shows("“wrong-path”", "task check -- kubernetes/apps/default/wrong-path", but="second-waiter")
        terminal.press("\x1b")
        terminal.shows("HelmRelease    default/echo", but="shown:")
        with suspended(live, "default/echo"):
            terminal.shows("●  HelmRelease    default/echo ")
        terminal.press("q")
        assert terminal.ends() == 0


@contextmanager
def suspended(live: Cluster, release: str) -> Iterator[None]:
    """Flux leaves a release as it is, as after `flux suspend`."""
    live.server.change(live.releases[release], {"spec": {"suspend": True}})
    try:
        yield
    finally:
        live.server.change(live.releases[release], {"spec": {"suspend": None}})


def test_without_a_terminal_the_monitor_writes_each_change(live: Cluster, tmp_path: Path) -> None:
    command = [*TALOS_FLUX, "monitor", "--watch", "--json"]
    written = tmp_path / "changes.jsonl"

    def told() -> bool:
        with suspended(live, "default/echo"):
            time.sleep(2)
        changed = map(json.loads, written.read_text().splitlines())
        of_echo = [one for one in changed if one["now"] and one["now"]["name"] == "default/echo"]
        return ("ready", "suspended") in [(one["before"]["state"], one["now"]["state"]) for one in of_echo]

    with written.open("w") as output, subprocess.Popen(command, cwd=live.checkout, stdout=output) as monitor:
        try:
            live.wait_until(told, "the change is written", SECONDS)
        finally:
            monitor.terminate()


def test_without_watch_the_monitor_lists_everything_once(live: Cluster) -> None:
    code, listed = says(live, "monitor")
    assert code == 2
    assert {("Kustomization", "flux-system/paused", "suspended"), ("HelmRelease", "default/echo", "ready")} <= {
        (row["kind"], row["name"], row["state"]) for row in listed
    }


def test_the_report_of_a_failing_test_names_the_causes_too(live: Cluster) -> None:
    report = live.explain()
    assert "/wrong-path/ap: no such file" in report
    assert re.search(r"^    log: Reconciliation failed .*no matches for kind", report, re.MULTILINE)


def test_a_key_that_does_not_fit_is_told_apart_from_one_that_is_missing(live: Cluster) -> None:
    metadata = {"name": "another-key", "namespace": NAMESPACE}
    key = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"age.agekey": faults.new_key()}}
    live.server.apply(key)
    text = (
        "Kustomization flux-system/wrong-key: can't decrypt Secret default/token: the age key in Secret another-key is "
        "not one it is encrypted for"
    )
    live.wait_until(lambda: text in problems(live), text, SECONDS)


def test_what_cannot_be_changed_in_place_is_named(live: Cluster) -> None:
    file = live.checkout / "kubernetes/apps/default/frozen/app/frozen.yaml"
    file.write_text(file.read_text().replace("before", "after"))
    live.commit()
    # As long as there is a circle, nothing comes to a new commit by itself.
    live.ask()
    text = (
        "Kustomization flux-system/frozen: ConfigMap frozen can't be changed in place (data): delete it, and Flux "
        "makes it anew"
    )
    live.wait_until(lambda: text in problems(live), text, SECONDS)
    assert problems(live)[text]["command"] == "kubectl --namespace default delete configmap frozen"


def test_what_flux_has_fetched_is_compared_with_this_checkout(live: Cluster) -> None:
    git(live.checkout, "commit", "--quiet", "--allow-empty", "--message", "feat: not pushed")
    *_, revision = says(live)[1]["parts"]
    commits = git(live.checkout, "log", "--format=%h", "--abbrev=7", "-2").split()
    assert revision["notes"] == [
        f"Flux has fetched {commits[1]}, your HEAD is {commits[0]}: 1 commit ahead: `git push`; this branch follows "
        "none of a remote"
    ]


def test_the_pictures_of_what_some_mistakes_look_like(live: Cluster) -> None:
    without(live, *({fault.app for fault in (*FAULTS, FROZEN_APP)} - SHOWN))
    live.wait_until(lambda: len(problems(live)) == 3 and not unsettled(live), "three mistakes are left")
    with Terminal([*TALOS_FLUX, "deployments"], live.checkout) as terminal:
        terminal.shows("2 critical, 1 warning")
        said = ("HelmRelease default/no-secret: ", "and 2 wait for it: second-waiter, waiter")
        pictures.take(terminal, "flux-deployment-check", "./scripts/flux-deployment-check.py", *said)
    with Terminal([*TALOS_FLUX, "monitor", "--watch"], live.checkout) as terminal:
        terminal.shows("flux-system/flux-system")
        terminal.press("f")
        terminal.shows("shown: not ready", "default/no-secret", but="flux-system/flux-system  ")
        said = ("Only what is not ready", "default/no-secret")
        pictures.take(terminal, "flux-monitor", "./scripts/flux-monitor.py --watch", *said)


def without(live: Cluster, *apps: str) -> None:
    """Take apps out of the cluster."""
    listing = live.checkout / "kubernetes/apps/default/kustomization.yaml"
    for app in apps:
        git(live.checkout, "rm", "--quiet", "-r", f"kubernetes/apps/default/{app}")
        listing.write_text(listing.read_text().replace(f"  - ./{app}/ks.yaml\n", ""))
    live.commit()
    live.ask()


def test_when_the_mistakes_are_gone_nothing_is_told(live: Cluster) -> None:
    git(live.checkout, "rm", "--quiet", "kubernetes/flux/meta/repos/bad-tag.yaml")
    without(live, *SHOWN)
    live.wait_until(lambda: says(live)[0] == 0 and not live.unready(), "everything is well")
