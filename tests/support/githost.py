"""A git host on loopback that answers to an address of the public form: git http-backend behind http.server."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

from tests.support.render import git

# What users type and answers files record. Nothing has this name: git is told to go to loopback instead.
ADDRESS = "https://git.example.net"


class Handler(BaseHTTPRequestHandler):
    """git's own CGI program, for every request."""

    server: "Server"

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        path, _, query = self.path.partition("?")
        self.server.seen.append((self.command, path, dict(self.headers.items())))
        done = subprocess.run(
            ["git", "http-backend"],
            input=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            env=os.environ
            | {
                "GIT_PROJECT_ROOT": str(self.server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REQUEST_METHOD": self.command,
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            },
            capture_output=True,
            check=True,
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Not to the terminal."""


class Server(ThreadingHTTPServer):
    """Serves every bare repository below a folder; `seen` are the requests, with their headers."""

    handler: type[BaseHTTPRequestHandler] = Handler

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), self.handler)
        self.root = root
        self.seen: list[tuple[str, str, dict[str, str]]] = []


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """Serve the bare repositories of a folder; yields the git configuration that leads ADDRESS there.

    The bare name kubernetes/kubernetes leads there, too: Renovate asks git for it where it is a package's name.
    """
    with Server(root) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            here = f"http://127.0.0.1:{server.server_port}"
            yield (
                f'[http "{here}/"]\n  proxy =\n'
                f'[url "{here}/"]\n  insteadOf = {ADDRESS}/\n'
                f'[url "{here}/kubernetes/"]\n  insteadOf = kubernetes/\n'
            )
        finally:
            server.shutdown()
            thread.join()


def publish(source: Path, bare: Path) -> None:
    """Serve the branch and the tags of a repository, as public hosts do: a client may leave out what it won't need."""
    git(source, "clone", "--quiet", "--bare", str(source), str(bare))
    for name in ("uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
        git(bare, "config", name, "true")
