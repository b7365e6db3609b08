"""The site of docs/ is whole, loads nothing from elsewhere, and keeps nobody out."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from xml.etree import ElementTree

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize

from tests.support.needs import needs
from tests.support.releases import ADDRESS
from tests.support.render import PROJECT
from tests.support.site import Site, build, chromium, served
from tests.support.terminal import Terminal

# One process builds the site and starts the browser.
pytestmark = [needs("sphinx"), pytest.mark.full, pytest.mark.xdist_group("site")]

DESKTOP, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=740)
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Provide the site, built without a warning."""
    folder = tmp_path_factory.mktemp("docs") / "site"
    assert build(PROJECT / "docs", folder) == ""
    return Site(folder)


@pytest.fixture(scope="module")
def address(site: Site) -> Iterator[str]:
    with served(site.folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def test_every_document_is_a_page(site: Site) -> None:
    documents = {str(path.relative_to(PROJECT / "docs").with_suffix(".html")) for path in PROJECT.glob("docs/**/*.md")}
    assert documents | {"search.html"} == set(site.pages)


def test_every_link_leads_somewhere(site: Site) -> None:
    links = [(name, link) for name in site.pages for link in site.links(name)]
    assert [f"{name}: {link}" for name, link in links if site.leads_nowhere(name, link)] == []


def test_a_link_that_leads_nowhere_is_found(site: Site) -> None:
    for link in (
        "../reference/checks.html",
        "#",
        "../index.html#copier-talos-flux",
        "https://example.net/x",
        "mailto:a@b.net",
    ):
        assert not site.leads_nowhere("reference/checks.html", link)
    for link in ("checks.md", "#nowhere", "../reference/", "../index.html#nowhere", "/no.png"):
        assert site.leads_nowhere("reference/checks.html", link)


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("[a](other.md#nowhere)", "nowhere"),
        ("[a](missing.md)", "missing.md"),
        ("[a](../README.txt)", "../README.txt"),
        ("![a](missing.svg)", "missing.svg"),
    ],
)
def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path, link: str, complaint: str) -> None:
    source = tmp_path / "docs"
    source.mkdir()
    shutil.copy(PROJECT / "docs/conf.py", source)
    shutil.copytree(PROJECT / "docs/_static", source / "_static")
    (source / "other.md").write_text("# Other\n")
    (source / "index.md").write_text(f"# Index\n\n{link}\n\n```{{toctree}}\nother\n```\n")
    assert re.search(rf"index.md:3: WARNING: .*{re.escape(complaint)}", build(source, tmp_path / "site"))


def test_links_to_other_files_of_the_project_lead_to_where_it_is_published(site: Site) -> None:
    assert f"{ADDRESS}/tree/main/examples" in site.links("reference/questions.html")


def test_every_picture_says_what_it_shows(site: Site) -> None:
    pictures = [(name, picture) for name, page in site.pages.items() for picture in page.select("img")]
    assert len(pictures) >= 5
    # Without a text, Sphinx takes the path of the file.
    assert [name for name, picture in pictures if re.fullmatch(r"\s*|\S+\.\w+", str(picture.get("alt", "")))] == []


def test_no_page_or_stylesheet_names_anything_elsewhere_to_load(site: Site) -> None:
    elsewhere = re.compile(r"(\w+:)?//")
    loaded = {
        str(tag.get("src") or tag.get("href"))
        for page in site.pages.values()
        for tag in page.select("[src], link[href], image[href]")
    }
    assert [address for address in loaded if elsewhere.match(address)] == []
    for sheet in site.folder.rglob("*.css"):
        named = re.findall(r"(?:@import|url\()\s*['\"]?([^'\")]*)", sheet.read_text())
        assert [address for address in named if elsewhere.match(address)] == [], sheet.name


@pytest.mark.parametrize("picture", sorted(path.name for path in PROJECT.glob("docs/pictures/*.svg")))
def test_every_picture_has_a_name_of_its_own(picture: str) -> None:
    assert name_of((PROJECT / "docs/pictures" / picture).read_text()) != ""


def test_a_picture_of_a_terminal_is_named_by_its_title() -> None:
    with Terminal(["echo", "hello"], PROJECT) as terminal:
        terminal.shows("hello")
        assert name_of(terminal.picture("echo <hello>")) == "echo <hello>"


def name_of(picture: str) -> str:
    """Return what a screen reader calls an SVG that stands for itself; empty when it reads its parts instead."""
    root = ElementTree.fromstring(picture)  # noqa: S314, our own
    return root.findtext("{*}title", "") if root.get("role") == "img" else ""


@needs("chromium")
def test_no_page_loads_anything_from_elsewhere(site: Site, address: str, browser: Browser) -> None:
    asked: set[str] = set()
    page = browser.new_page()
    page.on("request", lambda request: asked.add(request.url))
    for name in site.pages:
        page.goto(address + name)
    page.close()
    assert f"{address}_static/styles/furo.css" in {url.partition("?")[0] for url in asked}
    assert [url for url in asked if not url.startswith((address, "data:"))] == []


@needs("chromium")
@pytest.mark.parametrize(
    ("scheme", "size"), [("light", DESKTOP), ("dark", DESKTOP), ("light", PHONE)], ids=["light", "dark", "phone"]
)
def test_axe_finds_nothing(site: Site, address: str, browser: Browser, scheme: Scheme, size: ViewportSize) -> None:
    found = []
    page = browser.new_page(color_scheme=scheme, viewport=size)
    for name in site.pages:
        page.goto(address + name)
        found += [f"{name}: {violation}" for violation in violations(page)]
    page.close()
    assert found == []


@needs("chromium")
def test_axe_finds_a_picture_without_a_text_and_a_pale_word(browser: Browser) -> None:
    page = browser.new_page()
    page.set_content("<html lang='en'><title>A</title><img src=''><p style='color: #ccc; background: #fff'>pale</p>")
    found = {violation.partition(" ")[0] for violation in violations(page)}
    page.close()
    assert found == {"image-alt", "color-contrast"}


def violations(page: Page) -> list[str]:
    """Return what axe says against a page: rule and elements."""
    rules = {"heading-order": {"enabled": True}}
    results = Axe().run(page, options={"runOnly": LEVELS, "rules": rules, "resultTypes": ["violations"]})
    return [
        f"{violation['id']} {[node['target'] for node in violation['nodes']]}"
        for violation in results.response["violations"]
    ]


@needs("chromium")
def test_pictures_follow_the_readers_choice_of_light_or_dark(address: str, browser: Browser) -> None:
    page = browser.new_page(color_scheme="light")
    page.goto(f"{address}how-to/operating.html")
    page.evaluate("document.body.dataset.theme = 'dark'")
    assert page.eval_on_selector("article img", "picture => getComputedStyle(picture).colorScheme") == "dark"
    page.close()


@needs("chromium")
def test_no_page_scrolls_sideways_on_a_phone(site: Site, address: str, browser: Browser) -> None:
    page = browser.new_page(viewport=PHONE)
    wide = []
    for name in site.pages:
        page.goto(address + name)
        if scrolls_sideways(page):
            wide.append(name)
    page.set_content("<div style='width: 361px'>wide</div>")
    assert scrolls_sideways(page)
    page.close()
    assert wide == []


def scrolls_sideways(page: Page) -> bool:
    """Whether a page is wider than its window."""
    return bool(page.evaluate("document.scrollingElement.scrollWidth > window.innerWidth"))
