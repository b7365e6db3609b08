"""Where a chart's changes are documented, according to the chart itself."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from talos_flux.charts.archive import Chart
from talos_flux.manifests.releases import mapping, sequence
from talos_flux.repository.apps import Loader

FORGE = re.compile(r"https://(github\.com|gitlab\.com|codeberg\.org)/([\w.-]+)/([\w.-]+?)(?:\.git)?(?:[/#?].*)?")
TELLS = re.compile(r"change ?log|release|upgrad", re.IGNORECASE)


class Changelog(NamedTuple):
    """An address, empty when the chart names none, and the chart's notes on this version."""

    url: str
    changes: tuple[str, ...]


def changelog(chart: Chart) -> Changelog:
    """Return the chart's own notes and link, or else the releases page of the first repository that it names."""
    return Changelog(next(_links(chart), ""), tuple(_changes(chart)))


def _links(chart: Chart) -> Iterator[str]:
    annotations = mapping(chart.about.get("annotations"))
    changes = sequence(_yaml(annotations.get("artifacthub.io/changes")))
    links = [link for change in changes for link in sequence(mapping(change).get("links"))]
    for link in [*links, *sequence(_yaml(annotations.get("artifacthub.io/links")))]:
        url = mapping(link).get("url")
        if _is_web(url) and TELLS.search(f"{mapping(link).get('name')} {url}"):
            yield str(url)
    # Sources before home: the chart's own repository is among them, and home is often a web site.
    places = [url for url in [*sequence(chart.about.get("sources")), chart.about.get("home")] if _is_web(url)]
    for url in places:
        if match := FORGE.fullmatch(str(url)):
            host, owner, name = match.groups()
            yield f"https://{host}/{owner}/{name}/{'-/' if host == 'gitlab.com' else ''}releases"
    yield from map(str, places)


def _changes(chart: Chart) -> Iterator[str]:
    changes = _yaml(mapping(chart.about.get("annotations")).get("artifacthub.io/changes"))
    for entry in sequence(changes):
        if isinstance(entry, str):
            yield " ".join(entry.split())
        elif text := mapping(entry).get("description"):
            yield " ".join(f"{mapping(entry).get('kind', '')}: {text}".removeprefix(": ").split())


def _yaml(text: object) -> object:
    """Return the content of an annotation that holds YAML; None when it does not."""
    try:
        return yaml.load(text, Loader) if isinstance(text, str) else None  # noqa: S506, a safe loader
    except yaml.YAMLError:
        return None


def _is_web(url: object) -> bool:
    return isinstance(url, str) and re.fullmatch(r"https?://[\x21-\x7e]+", url) is not None
