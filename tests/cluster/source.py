"""Plays source-controller, which does not build from what Go's proxy has: artifacts for Flux' sources.

Statuses are as source-controller writes them (github.com/fluxcd/source-controller/tree/v1.9.5/docs/spec). A change is
only noticed by its revision, so an OCIRepository's is made of the artifact's bytes.
"""

import hashlib
import io
import subprocess
import tarfile
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pathspec

from tests.cluster import charts
from tests.support.apiserver import ApiServer
from tests.support.render import git
from tests.support.repository import Object

GROUP = "source.toolkit.fluxcd.io/v1"
KINDS = ("GitRepository", "OCIRepository", "HelmRepository", "HelmChart")


def archive_of(checkout: Path) -> tuple[str, bytes]:
    """Return the revision and the artifact of a checkout's last commit, without what its .sourceignore names."""
    commit = git(checkout, "rev-parse", "HEAD").strip()
    branch = git(checkout, "branch", "--show-current").strip()
    ignored = checkout / ".sourceignore"
    rules = pathspec.GitIgnoreSpec.from_lines(ignored.read_text().splitlines() if ignored.exists() else [])
    command = ["git", "archive", "--format=tar", "HEAD"]
    whole = subprocess.run(command, cwd=checkout, check=True, capture_output=True).stdout
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        files = {
            entry.name: archive.extractfile(entry).read()  # type: ignore[union-attr]
            for entry in archive
            if entry.isfile() and not rules.match_file(entry.name)
        }
    return f"{branch}@sha1:{commit}", charts.packed(files)


class SourceController:
    """`failing` holds the names of sources that can't be had, with the reason."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self.repository: tuple[str, bytes] = ("", b"")
        self.failing: dict[str, str] = {}
        self._files: dict[str, bytes] = {}
        self._http = _serve(self._files)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def tick(self) -> None:
        """Bring the status of every source up to date."""
        for kind in KINDS:
            for item in self.server.everything(GROUP, kind):
                self._reconcile(item)

    def _reconcile(self, item: Object) -> None:
        status, metadata = item.get("status", {}), item["metadata"]
        asked = metadata.get("annotations", {}).get("reconcile.fluxcd.io/requestedAt")
        wanted: dict[str, Any] = {"observedGeneration": metadata["generation"]}
        if asked:
            wanted["lastHandledReconcileAt"] = asked
        origin = item["spec"].get("sourceRef", {}).get("name", metadata["name"])
        if reason := self.failing.get(origin):
            condition = _condition(metadata, "False", "OCIArtifactPullFailed", reason)
        else:
            try:
                revision, content = self._artifact(item)
            except (RuntimeError, ValueError) as error:
                condition = _condition(metadata, "False", "BuildFailed", str(error))
            else:
                digest = hashlib.sha256(content).hexdigest()
                self._files[f"/{digest}"] = content
                condition = _condition(metadata, "True", "Succeeded", f"stored artifact for revision '{revision}'")
                wanted["artifact"] = {
                    "url": f"{self.address}/{digest}",
                    "path": digest,
                    "digest": f"sha256:{digest}",
                    "revision": revision,
                    "size": len(content),
                }
        if _says(status, wanted, condition):
            return
        if "artifact" in wanted:
            wanted["artifact"]["lastUpdateTime"] = condition["lastTransitionTime"]
        self.server.set_status(item, wanted | {"conditions": [condition]})

    def _artifact(self, item: Object) -> tuple[str, bytes]:
        """Revision and bytes, each in the form of its kind."""
        spec = item["spec"]
        match item["kind"]:
            case "GitRepository":
                return self.repository
            case "OCIRepository":
                tag = spec["ref"]["tag"]
                content = charts.archive(spec["url"].rsplit("/", 1)[1], tag)
                return f"{tag}@sha256:{hashlib.sha256(content).hexdigest()}", content
            case "HelmChart":
                return spec["version"], charts.archive(spec["chart"], spec["version"])
        index = b"apiVersion: v1\nentries: {}\n"
        return f"sha256:{hashlib.sha256(index).hexdigest()}", index


def _says(status: Object, wanted: Object, condition: Object) -> bool:
    """Whether a status already says this."""
    conditions = [{**old, "lastTransitionTime": ""} for old in status.get("conditions", [])]
    artifact = {**status.get("artifact", {})}
    artifact.pop("lastUpdateTime", None)
    rest = {key: status.get(key) for key in wanted if key != "artifact"}
    return (
        conditions == [{**condition, "lastTransitionTime": ""}]
        and rest == {key: value for key, value in wanted.items() if key != "artifact"}
        and ("artifact" not in wanted or artifact == wanted["artifact"])
    )


def _condition(metadata: Object, status: str, reason: str, message: str) -> Object:
    return {
        "type": "Ready",
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": now(),
        "observedGeneration": metadata["generation"],
    }


def now() -> str:
    """Return the current time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _serve(files: dict[str, bytes]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write(content or b"")

        log_message: Callable[..., None] = lambda *_: None

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=http.serve_forever, daemon=True).start()
    return http
