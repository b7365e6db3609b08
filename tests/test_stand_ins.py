"""What stands in for talosctl and helm in make test answers as they do."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support import charts, tools
from tests.support.cases import EXAMPLES
from tests.support.needs import needs
from tests.support.render import Renderer
from tests.support.repository import Repository, parse
from tests.support.talos import patches
from tests.tools.catalogue import KUBERNETES
from tests.tools.obtain import BIN, STAND_INS

BOTH = (BIN, STAND_INS)
programs = needs("helm", "quick", "talosctl")


def output(folder: Path, *command: object) -> str:
    """Return what a program prints, or the last line of its refusal; `folder` says which of the two it is."""
    name, *arguments = map(str, command)
    done = subprocess.run([str(folder / name), *arguments], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else f"refused: {done.stderr.strip().splitlines()[-1]}"


@programs
@pytest.mark.full
@pytest.mark.parametrize("name", ["anton", "everything", "large"])
def test_machines_get_the_same_configuration_from_both(name: str, render: Renderer, tmp_path: Path) -> None:
    repository = Repository(render(EXAMPLES[name]), EXAMPLES[name])
    tools.run("talosctl", "gen", "secrets", "--output-file", tmp_path / "secrets.yaml")
    inventory = repository.documents("talos/inventory.yaml")[0]
    for node in inventory["nodes"]:
        command = (
            *("talosctl", "gen", "config", inventory["cluster"], inventory["endpoint"]),
            *("--with-secrets", tmp_path / "secrets.yaml", "--kubernetes-version", f"v{KUBERNETES}"),
            *("--install-image", node["image"], "--with-docs=false", "--with-examples=false"),
            *patches(repository.root / "talos", node),
            *("--output-types", {"controller": "controlplane", "worker": "worker"}[node["role"]], "--output", "-"),
        )
        real, ours = (output(folder, *command) for folder in BOTH)
        assert ours == real and "kind: KubeNodeConfig" in real


@programs
@pytest.mark.full
def test_both_refuse_the_same_configuration(tmp_path: Path) -> None:
    tools.run("talosctl", "gen", "config", "home", "https://192.168.1.101:6443", "--output", tmp_path / "made")
    good = (tmp_path / "made/controlplane.yaml").read_text()
    bad = {
        "unknown key": good.replace("clusterName:", "clusterNames:", 1),
        "no endpoint": good.replace("https://192.168.1.101:6443", "ftp://nowhere"),
        "no YAML": "- [",
    }
    for name, text in bad.items():
        (tmp_path / "config.yaml").write_text(text)
        for mode in ("metal", "cloud"):
            command = ("talosctl", "validate", "--mode", mode, "--strict", "--config", tmp_path / "config.yaml")
            real, ours = (output(folder, *command).startswith("refused: ") for folder in BOTH)
            assert ours == real, (name, mode)


@programs
@pytest.mark.full
@pytest.mark.parametrize("chart", ["cert-manager", "cilium", "external-dns"])
def test_charts_become_the_same_objects_with_both(chart: str, render: Renderer, shared: Path) -> None:
    repository = Repository(render(EXAMPLES["everything"]), EXAMPLES["everything"])
    [release] = [found for found in charts.releases(repository) if found.chart == chart]
    values = shared / f"stand-ins-{chart}.yaml"
    values.write_text(yaml.safe_dump(release.values))
    options = [f"--api-versions={version}" for version in release.api_versions]
    options += [
        f"--namespace={release.namespace}",
        f"--kube-version={KUBERNETES}",
        "--skip-tests",
        f"--values={values}",
    ]
    folder = charts.from_module(chart, shared / "charts")
    real, ours = (output(program, "helm", "template", release.name, folder, *options) for program in BOTH)

    def by_name(text: str) -> dict[tuple[str, str], object]:
        return {(item["kind"], item["metadata"]["name"]): item for item in parse(text)}

    assert by_name(real).keys() == by_name(ours).keys()
    # Certificates that a chart makes are new each time.
    fixed = [key for key in by_name(real) if key[0] not in ("Secret", "ConfigMap")]
    assert fixed and [key for key in fixed if by_name(real)[key] != by_name(ours)[key]] == []


@needs("quick")
@pytest.mark.parametrize("command", [("talosctl", "upgrade"), ("talosctl",), ("helm", "upgrade", "a", "b"), ("helm",)])
def test_what_only_the_program_does_is_refused(command: tuple[str, ...]) -> None:
    assert output(STAND_INS, *command).endswith("only the real program does this: mark the test with `full`")
