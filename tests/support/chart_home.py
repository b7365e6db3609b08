"""A small cluster whose charts the tests make: in a registry, in an HTTP repository, or in a cache."""

import json
import os
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.cluster import registry
from tests.doubles.workplace import environment
from tests.support import tools
from tests.support.commands import TALOS_FLUX
from tests.support.render import git

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  template:
    spec:
      containers:
        - name: main
          image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
          args: {{ toJson .Values.args }}
"""
VALUES: dict[str, Any] = {"image": {"repository": "ghcr.io/example/demo", "tag": ""}, "args": [], "replicas": 1}
ROOTS = """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: cluster-meta
  namespace: flux-system
spec:
  path: ./kubernetes/flux/meta
  sourceRef:
    kind: GitRepository
    name: flux-system
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: cluster-apps
  namespace: flux-system
spec:
  path: ./kubernetes/apps
  sourceRef:
    kind: GitRepository
    name: flux-system
"""
KS = """\
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata:
  name: {name}
  namespace: flux-system
spec:
  path: ./kubernetes/apps/home/{name}/app
  targetNamespace: home
  sourceRef:
    kind: GitRepository
    name: flux-system
"""
OCI = """\
---
# Where it comes from.
apiVersion: source.toolkit.fluxcd.io/v1
kind: OCIRepository
metadata:
  name: {name}
  namespace: flux-system
spec:
  interval: 15m
  ref:
    tag: {tag} # as released
  url: {url}
"""


def packaged(folder: Path, version: str, /, name: str = "demo", **more: Any) -> Path:
    """`helm package` of a chart. `more` are values, schema, template, more files, and what else Chart.yaml says."""
    values, schema = more.pop("values", VALUES), more.pop("schema", None)
    files = more.pop("files", {})
    about = {"apiVersion": "v2", "name": name, "version": version, "appVersion": version} | more
    template = about.pop("template", DEPLOYMENT)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        chart = Path(scratch) / name
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
        (chart / "values.yaml").write_text(values if isinstance(values, str) else yaml.safe_dump(values))
        (chart / "templates/all.yaml").write_text(template)
        if schema:
            (chart / "values.schema.json").write_text(json.dumps(schema))
        for path, text in files.items():
            (chart / path).write_text(text)
        tools.run("helm", "package", chart, "--destination", folder)
    return folder / f"{name}-{version}.tgz"


@cache
def uv_cache() -> str:
    return subprocess.check_output(["uv", "cache", "dir"], text=True).strip()


@dataclass
class ChartHome:
    """A cluster in git. `charts` is a folder for packages, `address` that of a registry, `path` this test's in it."""

    root: Path
    scratch: Path
    address: str
    path: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def charts(self) -> Path:
        return self.scratch / "charts"

    def package(self, version: str, /, **more: Any) -> Path:
        return packaged(self.charts, version, **more)

    def push(self, version: str, /, **more: Any) -> str:
        """Push a chart to the registry; its address."""
        archive = self.package(version, **more)
        registry.push(self.address, self.path, archive.read_bytes(), self.scratch)
        return f"oci://{self.address}/{self.path}/{more.get('name', 'demo')}"

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def add_source(self, tag: str, url: str = "", name: str = "demo", text: str = OCI) -> str:
        """Add an OCIRepository, and return its path."""
        path = f"kubernetes/flux/meta/repos/{name}.yaml"
        self.write(path, text.format(name=name, tag=tag, url=url or f"oci://{self.address}/{self.path}/{name}"))
        return path

    def add_repository(self, url: str, name: str = "charts") -> None:
        """Add a HelmRepository."""
        content = {
            "apiVersion": "source.toolkit.fluxcd.io/v1",
            "kind": "HelmRepository",
            "metadata": {"name": name, "namespace": "flux-system"},
            "spec": {"interval": "1h", "url": url},
        }
        self.write(f"kubernetes/flux/meta/repos/{name}.yaml", yaml.safe_dump(content))

    def add_app(self, name: str = "demo", spec: Mapping[str, Any] | None = None, **values: Any) -> str:
        """Add an app with a HelmRelease of the OCIRepository `demo`, unless its spec names another; return its path."""
        reference = {"chartRef": {"kind": "OCIRepository", "name": "demo", "namespace": "flux-system"}}
        content = {
            "apiVersion": "helm.toolkit.fluxcd.io/v2",
            "kind": "HelmRelease",
            "metadata": {"name": name},
            "spec": {"interval": "1h", **(spec or reference), "values": values},
        }
        path = f"kubernetes/apps/home/{name}/app/helmrelease.yaml"
        self.write(path, f"---\n{yaml.safe_dump(content, sort_keys=False)}")
        self.write(f"kubernetes/apps/home/{name}/ks.yaml", KS.format(name=name))
        apps = sorted(place.parent.name for place in (self.root / "kubernetes/apps/home").glob("*/ks.yaml"))
        listing = {"namespace": "flux-system", "resources": [f"./{app}/ks.yaml" for app in apps]}
        self.write("kubernetes/apps/home/kustomization.yaml", yaml.safe_dump(listing))
        return path

    def run(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the script as its first line starts it."""
        return subprocess.run(
            [*TALOS_FLUX, "charts", *map(str, words)],
            cwd=self.root,
            env=environment() | self.environment | self.extra,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the person who runs the tests: no cache, no login."""
        homes = {
            f"HELM_{kind}_HOME": str(self.scratch / f"helm-{kind.lower()}") for kind in ("CACHE", "CONFIG", "DATA")
        }
        return homes | {
            "DOCKER_CONFIG": str(self.scratch / "docker"),
            "HELMFILE_CACHE_HOME": str(self.scratch / "helmfile"),
            "UV_CACHE_DIR": uv_cache(),
            "COLUMNS": "200",
        }

    def ends_with(self, code: int, *words: str | Path) -> str:
        """Run it and return all that it says."""
        done = self.run(*words)
        said = done.stdout + done.stderr
        assert "Traceback" not in said, said
        assert done.returncode == code, said
        return said

    def json(self, code: int, *words: str | Path) -> list[dict[str, Any]]:
        """Return what --json says of the charts."""
        done = self.run("--json", *words)
        assert done.returncode == code, done.stdout + done.stderr
        charts: list[dict[str, Any]] = json.loads(done.stdout)["charts"]
        return charts

    def git(self, *words: str) -> str:
        return git(self.root, "-c", "user.name=Test", "-c", "user.email=test@example.net", *words)

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "test")


def made(folder: Path, rendered: Path, address: str) -> ChartHome:
    """Make a cluster without apps."""
    home = ChartHome(folder / "cluster", folder / "scratch", address, os.urandom(8).hex())
    home.scratch.mkdir(parents=True)
    home.write("talos/versions.yaml", "---\ntalosVersion: v1.14.1\nkubernetesVersion: v1.36.4\n")
    home.write("kubernetes/flux/cluster/ks.yaml", ROOTS)
    settings = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cluster-settings", "namespace": "flux-system"},
    }
    home.write("kubernetes/flux/meta/settings.yaml", yaml.safe_dump(settings | {"data": {"DOMAIN": "example.net"}}))
    home.git("init", "--quiet")
    return home
