"""The site of docs/: built as `make docs` builds it, read as HTML, served on loopback and shown in Chromium."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urljoin, urlsplit

from bs4 import BeautifulSoup
from playwright.sync_api import Browser, sync_playwright

from tests.tools import npm


def build(source: Path, site: Path) -> str:
    """Build the site of the pages in a folder; return what Sphinx says against them, one warning a line."""
    options = ["-W", "--keep-going", "-E", "-q", "-d", str(site.with_name("doctrees"))]
    command = [sys.executable, "-m", "sphinx", *options, str(source), str(site)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) is (done.stderr == ""), done.stderr
    return done.stderr


class Site:
    """A built site."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def pages(self) -> dict[str, BeautifulSoup]:
        """Every page, by its path in the site."""
        names = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*.html"))
        return {name: BeautifulSoup((self.folder / name).read_text(), "html.parser") for name in names}

    def links(self, name: str) -> set[str]:
        """Return what a page leads to or loads, as it is written there."""
        return {str(tag[key]) for key in ("href", "src") for tag in self.pages[name].select(f"[{key}]")}

    def leads_nowhere(self, name: str, link: str) -> bool:
        """Whether a page's link is to a file that the site does not have, or to a place that is not in that file."""
        there = urlsplit(urljoin(f"http://site/{name}", link))
        if there.netloc != "site":
            return False
        target, anchor = unquote(there.path).lstrip("/"), unquote(there.fragment)
        if not (self.folder / target).is_file():
            return True
        return anchor != "" and target in self.pages and self.pages[target].find(id=anchor) is None


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on loopback, and yield its address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Nothing: the tests say what is missing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run a headless Chromium, with the libraries and fonts that its package brings."""
    package = npm.installed("chromium")
    home = package / "unpacked"
    environment: dict[str, str | float | bool] = {
        "LD_LIBRARY_PATH": str(home / "al2023/lib"),
        "FONTCONFIG_FILE": str(package / "fonts.conf"),
    }
    arguments = ["--disable-gpu", "--disable-quic", "--no-zygote", "--use-gl=angle", "--use-angle=swiftshader"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=home / "chromium", args=arguments, env={**os.environ, **environment}
        )
        yield browser
        browser.close()
