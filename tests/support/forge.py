"""A host with pull requests on loopback: git over HTTP, and a few calls of GitHub's, Forgejo's or GitLab's API.

The calls are those of the hosts' REST documentation (pulls and issues, merge_requests and notes), no more of them than
the scripts use. Forgejo's are GitHub's with these differences, as in routers/api/v1/repo/{pull,issue_comment}.go of
Gitea 1.27: it lists all pull requests whatever head is asked for, in pages of its own size, and all comments whatever
page is; and what CI runs for is refs/pull/<number>/head.
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
LIKE_GITHUB = ("github", "forgejo")
PLACES = {
    **dict.fromkeys(LIKE_GITHUB, f"/api/repos/{REPOSITORY}/pulls"),
    "gitlab": "/api/projects/7/merge_requests",
}
NUMBER = 12
PAGE = 2
# The comments of pull request NUMBER, and one of them.
COMMENTS = {
    **dict.fromkeys(
        LIKE_GITHUB,
        (f"/api/repos/{REPOSITORY}/issues/{NUMBER}/comments", f"/api/repos/{REPOSITORY}/issues/comments"),
    ),
    "gitlab": (f"/api/projects/7/merge_requests/{NUMBER}/notes", f"/api/projects/7/merge_requests/{NUMBER}/notes"),
}


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
            if self.server.is_private and "Authorization" not in self.headers:
                self.send_response(401)
                self.send_header("WWW-Authenticate", 'Basic realm="home"')
                self.send_header("Content-Length", "0")
                self.end_headers()
            else:
                super().answer()
            return
        self.server.seen.append((self.command, path, dict(self.headers.items())))
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = dict(urllib.parse.parse_qsl(query))
        about_comments = path.startswith(COMMENTS[self.server.kind])
        handle = self.server.api_of_comments if about_comments else self.server.api
        status, answer = handle(self.command, path, asked, body)
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


class Forge(githost.Server):
    """A repository with its pull requests. `refusal` makes it answer every change with 403 and these words.

    `comments` are those of pull request NUMBER. The repository `is_private` when git is to be asked for a password.
    """

    handler = Handler

    def __init__(self, root: Path, kind: str) -> None:
        super().__init__(root)
        self.kind = kind
        self.requests: list[dict[str, Any]] = []
        self.comments: list[dict[str, Any]] = []
        self.refusal = ""
        self.is_private = False

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def environment(self) -> dict[str, str]:
        """What the host's CI tells a job."""
        if self.kind in LIKE_GITHUB:
            about = {
                "GITHUB_ACTIONS": "true",
                "GITHUB_REPOSITORY": REPOSITORY,
                "GITHUB_SERVER_URL": self.address,
                "GITHUB_API_URL": f"{self.address}/api",
                "GITHUB_REF": f"refs/pull/{NUMBER}/{'merge' if self.kind == 'github' else 'head'}",
            }
        else:
            about = {
                "GITLAB_CI": "true",
                "CI_SERVER_URL": self.address,
                "CI_PROJECT_PATH": REPOSITORY,
                "CI_PROJECT_ID": "7",
                "CI_MERGE_REQUEST_IID": str(NUMBER),
                "CI_API_V4_URL": f"{self.address}/api",
            }
        return about | {"UPDATE_TOKEN": TOKEN, "COMMENT_TOKEN": TOKEN, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}

    def api(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Return the status and the answer of one call."""
        place, number = PLACES[self.kind], "iid" if self.kind == "gitlab" else "number"
        if self.refusal and method != "GET":
            return 403, {"message": self.refusal}
        if method == "GET" and path == place:
            return 200, self.listed(query)
        fields = json.loads(body)
        if method == "POST" and path == place:
            self.requests.append({**fields, number: len(self.requests) + 1, "web_url": f"{self.address}{path}/new"})
            return 201, self.requests[-1]
        if method == ("PUT" if self.kind == "gitlab" else "PATCH"):
            found = next(request for request in self.requests if path == f"{place}/{request[number]}")
            found |= fields
            return 200, found
        return 405, {"message": f"{method} is not allowed"}

    def api_of_comments(self, method: str, path: str, query: dict[str, str], body: bytes) -> tuple[int, Any]:
        """Return the status and the answer of a call about comments."""
        if method == "GET":
            size, page = int(query["per_page"]), int(query["page"])
            return 200, self.comments if self.kind == "forgejo" else self.comments[size * (page - 1) : size * page]
        if self.refusal:
            return 403, {"message": self.refusal}
        if method == "POST":
            self.comments.append({"id": len(self.comments) + 1})
            path += f"/{len(self.comments)}"
        comment = self.comments[int(path.rpartition("/")[2]) - 1]
        comment |= json.loads(body)
        return 200, comment

    def listed(self, query: dict[str, str]) -> list[dict[str, Any]]:
        """Return the pull requests that are asked for, as the host describes them."""
        first = int(query.get("page", 1)) - 1
        found = [request for request in self.requests if self.is_asked_for(request, query)]
        size = PAGE if self.kind == "forgejo" else 30
        return [self.described(request) for request in found[size * first : size * (first + 1)]]

    def is_asked_for(self, request: dict[str, Any], query: dict[str, str]) -> bool:
        match self.kind:
            case "github":
                wanted = {"head": f"home:{request['head']}", "base": request["base"], "state": "open"}
            case "gitlab":
                wanted = {name: request[name] for name in ("source_branch", "target_branch")} | {"state": "opened"}
            case _:
                wanted = {"state": "open"}
        return query.items() >= wanted.items()

    def described(self, request: dict[str, Any]) -> dict[str, Any]:
        if self.kind == "gitlab":
            return request
        repository = {"full_name": request.get("from", REPOSITORY)}
        return request | {"head": {"ref": request["head"], "repo": repository}, "base": {"ref": request["base"]}}


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
