"""A host with pull requests on loopback: git over HTTP, and the few calls of GitHub's or GitLab's API that open one.

The calls are those of the hosts' REST documentation (pulls, merge_requests), no more of them than the scripts use.
"""

import json
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

from tests.support import githost

REPOSITORY = "home/cluster"
TOKEN = "the-token"  # noqa: S105
PLACES = {"github": f"/api/repos/{REPOSITORY}/pulls", "gitlab": "/api/projects/7/merge_requests"}


class Handler(githost.Handler):
    """The API before git."""

    server: "Forge"

    def do_PATCH(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        path, _, query = self.path.partition("?")
        if not path.startswith("/api/"):
            super().answer()
            return
        self.server.seen.append((self.command, path, dict(self.headers.items())))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, answer = self.server.api(self.command, path, dict(urllib.parse.parse_qsl(query)), body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Forge(githost.Server):
    """A repository with its pull requests. `refusal` makes it answer every change with 403 and these words."""

    handler = Handler

    def __init__(self, root: Path, kind: str) -> None:
        super().__init__(root)
        self.kind = kind
        self.requests: list[dict[str, Any]] = []
        self.refusal = ""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the host's CI tells a job."""
        if self.kind == "github":
            about = {
                "GITHUB_ACTIONS": "true",
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_SERVER_URL": self.address,
                "GITHUB_API_URL": f"{self.address}/api",
            }
        else:
            about = {
                "GITLAB_CI": "true",
                "CI_SERVER_URL": self.address,
                "CI_PROJECT_PATH": REPOSITORY,
                "CI_PROJECT_ID": "7",
                "CI_API_V4_URL": f"{self.address}/api",
            }
        return about | {"UPDATE_TOKEN": TOKEN, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}

    def api(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Return the status and the answer of one call."""
        place, number = PLACES[self.kind], "number" if self.kind == "github" else "iid"
        if self.refusal and method != "GET":
            return 403, {"message": self.refusal}
        if method == "GET" and path == place:
            return 200, [request for request in self.requests if self.is_asked_for(request, query)]
        fields = json.loads(body)
        if method == "POST" and path == place:
            self.requests.append({**fields, number: len(self.requests) + 1, "web_url": f"{self.address}{path}/new"})
            return 201, self.requests[-1]
        if method == ("PATCH" if self.kind == "github" else "PUT"):
            found = next(request for request in self.requests if path == f"{place}/{request[number]}")
            found |= fields
            return 200, found
        return 405, {"message": f"{method} is not allowed"}

    def is_asked_for(self, request: dict[str, Any], query: dict[str, str]) -> bool:
        if self.kind == "github":
            wanted = {"head": f"home:{request['head']}", "base": request["base"], "state": "open"}
        else:
            branches = {name: request[name] for name in ("source_branch", "target_branch")}
            wanted = {**branches, "state": "opened"}
        return query == wanted


@contextmanager
def serving(root: Path, kind: str) -> Iterator[Forge]:
    """Run a host that serves the bare repositories of a folder."""
    with Forge(root, kind) as forge:
        thread = Thread(target=forge.serve_forever, daemon=True)
        thread.start()
        try:
            yield forge
        finally:
            forge.shutdown()
            thread.join()
