"""Where one reads what changed in a chart, as the chart itself says it."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from lib.apps import Loader
from lib.chart_updates.chart import Chart
from lib.checks.charts import mapping, sequence

FORGE = re.compile(r"https://(github\.com|gitlab\.com|codeberg\.org)/([\w.-]+)/([\w.-]+?)(?:\.git)?(?:[/#?].*)?")
TELLS = re.compile(r"change ?log|release|upgrad", re.IGNORECASE)


class Changelog(NamedTuple):
    """An address, empty where the chart names none, and what the chart says of this one version."""

    url: str
    changes: tuple[str, ...]


def changelog(chart: Chart) -> Changelog:
    """The chart's own notes and link; else the releases of the repository that it names first."""
    return Changelog(next(_links(chart), ""), tuple(_changes(chart)))


def _links(chart: Chart) -> Iterator[str]:
    annotations = mapping(chart.about.get("annotations"))
    changes = sequence(_yaml(annotations.get("artifacthub.io/changes")))
    links = [link for change in changes for link in sequence(mapping(change).get("links"))]
    for link in [*links, *sequence(_yaml(annotations.get("artifacthub.io/links")))]:
        url = mapping(link).get("url")
        if _is_web(url) and TELLS.search(f"{mapping(link).get('name')} {url}"):
            yield str(url)
    # Sources before home: the chart's own repository is among them, and home is often a page.
    places = [url for url in [*sequence(chart.about.get("sources")), chart.about.get("home")] if _is_web(url)]
    for url in places:
        if match := FORGE.fullmatch(str(url)):
            host, owner, name = match.groups()
            yield f"https://{host}/{owner}/{name}/{'-/' if host == 'gitlab.com' else ''}releases"
    yield from map(str, places)


def _changes(chart: Chart) -> Iterator[str]:
    said = _yaml(mapping(chart.about.get("annotations")).get("artifacthub.io/changes"))
    for entry in sequence(said):
        if isinstance(entry, str):
            yield " ".join(entry.split())
        elif text := mapping(entry).get("description"):
            yield " ".join(f"{mapping(entry).get('kind', '')}: {text}".removeprefix(": ").split())


def _yaml(text: object) -> object:
    """What an annotation holds: YAML in a text."""
    try:
        return yaml.load(text, Loader) if isinstance(text, str) else None  # noqa: S506, a safe loader
    except yaml.YAMLError:
        return None


def _is_web(url: object) -> bool:
    return isinstance(url, str) and re.fullmatch(r"https?://[\x21-\x7e]+", url) is not None
