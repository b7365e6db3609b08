"""The Image Factory: it takes schematics and returns their ids, the sha256 of what was posted."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Factory:
    """`posted` is what was posted; `answer` replaces the id; `status` makes it refuse."""

    def __init__(self) -> None:
        self.posted: list[bytes] = []
        self.answer = ""
        self.status = 201
        self.url = ""


@contextmanager
def image_factory() -> Iterator[Factory]:
    """Run a factory on its own port."""
    factory = Factory()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.path != "/schematics":
                self.send_error(404)
                return
            factory.posted.append(body)
            answer = json.dumps({"id": factory.answer or hashlib.sha256(body).hexdigest()}).encode()
            if factory.status >= 400:
                answer = b"unknown field in schematic\n"
            self.send_response(factory.status)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    factory.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield factory
    finally:
        server.shutdown()
        server.server_close()
