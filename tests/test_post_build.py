"""The variables of a Kustomization are read from wherever its postBuild takes them."""

from pathlib import Path

import pytest

from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.post_build import VariableSet, variables_in
from tests.support.small_repository import FLUX

ROOT, APPS = (FLUX.format(name=name) for name in ("root", "apps"))
KUSTOMIZATION = f"""\
{APPS}  postBuild:
    substituteFrom:
      - kind: {{kind}}
        name: settings
"""
OWN = "    substitute:\n      DOMAIN: own.example.net\n"
LIST = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: flux-system\n"
GENERATOR = "configMapGenerator:\n  - name: settings\n    options: {disableNameSuffixHash: true}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: settings\ndata:\n  DOMAIN: example.net\n"
SECRET = CONFIG_MAP.replace("ConfigMap", "Secret").replace("data", "stringData").replace("metastringData", "metadata")


def variables(root: Path, files: dict[str, str], kustomization: str) -> VariableSet:
    """Return the variables of a Kustomization that applies its own ConfigMap or Secret."""
    for path, text in ({"flux.yaml": ROOT, "root/apps.yaml": kustomization} | files).items():
        (root / "kubernetes" / path).parent.mkdir(parents=True, exist_ok=True)
        (root / "kubernetes" / path).write_text(text)
    cluster = Cluster(root)
    [_, found] = cluster.kustomizations
    return variables_in(cluster).of(found)


@pytest.mark.parametrize(
    ("files", "values"),
    [
        ({"apps/kustomization.yaml": f"{LIST}resources: [./map.yaml]\n", "apps/map.yaml": CONFIG_MAP}, "example.net"),
        ({"apps/kustomization.yaml": f"{LIST}{GENERATOR}    literals: [DOMAIN=example.net]\n"}, "example.net"),
        ({"apps/kustomization.yaml": f"{LIST}{GENERATOR}    literals: ['DOMAIN=\"example.net\"']\n"}, "example.net"),
        (
            {
                "apps/kustomization.yaml": f"{LIST}{GENERATOR}    envs: [settings.env]\n",
                "apps/settings.env": "# the domain\n\nDOMAIN=example.net\n",
            },
            "example.net",
        ),
        (
            {
                "apps/kustomization.yaml": f"{LIST}{GENERATOR}    files: [DOMAIN=domain]\n",
                "apps/domain": "example.net\n",
            },
            "example.net",
        ),
        ({"apps/kustomization.yaml": f"{LIST}{GENERATOR}    files: [DOMAIN=domain.sops.env]\n"}, None),
    ],
)
def test_variables_come_from_a_config_map_however_it_is_made(
    files: dict[str, str], values: str | None, tmp_path: Path
) -> None:
    assert variables(tmp_path, files, KUSTOMIZATION.format(kind="ConfigMap")) == ({"DOMAIN": values}, True)


def test_of_a_secret_only_the_names_are_read(tmp_path: Path) -> None:
    files = {"apps/kustomization.yaml": f"{LIST}resources: [./map.yaml]\n", "apps/map.yaml": SECRET}
    assert variables(tmp_path, files, KUSTOMIZATION.format(kind="Secret")) == ({"DOMAIN": None}, True)


def test_a_source_in_no_file_can_hold_any_variable(tmp_path: Path) -> None:
    files = {"apps/kustomization.yaml": f"{LIST}resources: []\n"}
    assert variables(tmp_path, files, KUSTOMIZATION.format(kind="Secret")) == ({}, False)


def test_a_kustomizations_own_variables_come_last(tmp_path: Path) -> None:
    files = {"apps/kustomization.yaml": f"{LIST}resources: [./map.yaml]\n", "apps/map.yaml": CONFIG_MAP}
    own = variables(tmp_path, files, KUSTOMIZATION.format(kind="ConfigMap") + OWN)
    assert own == ({"DOMAIN": "own.example.net"}, True)
