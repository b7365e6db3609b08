"""Hold the values of HelmReleases against their charts, as far as these are at hand or a registry gives them."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from jsonschema.exceptions import ValidationError, best_match

from talos_flux.charts import ChartUnavailable, NotThere, Unreachable, known_keys, known_shapes
from talos_flux.charts.archive import Chart
from talos_flux.charts.at_hand import ChartVersion, Registries
from talos_flux.charts.compare import dotted, in_schema
from talos_flux.charts.keys_read import KeysRead, keys_read, unread
from talos_flux.charts.pins import Pin, pins
from talos_flux.charts.value_schemas import coalesced, errors, substituted
from talos_flux.check.rule import Finding, Rule, Severity
from talos_flux.errors import closest
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.post_build import variables_in
from talos_flux.manifests.releases import VALUES, Keys, Release, mapping

REFUSED = Rule(
    "chart-values",
    Severity.ERROR,
    "Helm refuses values that the chart's own schema refuses.",
    "Correct the value; `helm show values` shows what the chart takes.",
)
MISSING = Rule(
    "chart-missing",
    Severity.ERROR,
    "Flux can't install a version of a chart that its registry does not have.",
    "Write a version that there is; `task charts:updates` shows the newer ones.",
)


# Keys that hold anchors for other keys.
OF_AUTHORS = ("x-", "_")
# What a schema says of keys that are not there.
COMPLETENESS = {"required", "minProperties", "dependentRequired", "dependencies"}


UNREAD = Rule(
    "chart-key-unread",
    Severity.WARNING,
    "No template of the chart reads such a key: what stands there has no effect.",
    "Correct the key, or take it out; `helm show values` shows those that the chart has.",
)
# Raised with what keys_read.py finds out, which is kept.
KEYS_VERSION = 1


class NotJudged(NamedTuple):
    """What nobody looked at, and why."""

    name: str
    why: ChartUnavailable | str


class ChartJudgement:
    """What is wrong with the releases of a cluster, by their charts, and which were not judged."""

    def __init__(self, cluster: Cluster, registries: Registries) -> None:
        self._cluster = cluster
        self._registries = registries
        self.not_judged: list[NotJudged] = []

    def findings(self, chosen: set[str] | None) -> Iterator[Finding]:
        """Yield the findings for the releases and sources in these files, None for all."""
        by_chart: dict[ChartVersion, list[Pin]] = {}
        for pin in pins(self._cluster):
            if chosen is not None and not chosen & {pin.place.path, *(one.item.file.path for one in pin.releases)}:
                continue
            if pin.source and pin.version and not pin.reason:
                by_chart.setdefault(ChartVersion(pin.source, pin.version), []).append(pin)
            else:
                self.not_judged.append(NotJudged(f"the chart of {', '.join(pin.users)}", pin.reason))
        for wanted, chart in self._registries.charts(by_chart).items():
            if isinstance(chart, NotThere):
                yield from (Finding(MISSING, pin.place, str(chart)) for pin in by_chart[wanted])
            elif isinstance(chart, ChartUnavailable):
                known = [pin for pin in by_chart[wanted] if known_keys.is_known(pin.chart, pin.version)]
                for release in (release for pin in known for release in pin.releases):
                    yield from self._of_app_template(release, str(wanted)).values()
                if not known:
                    self.not_judged.append(NotJudged(str(wanted), chart))
            else:
                for pin in by_chart[wanted]:
                    for release in pin.releases:
                        yield from self._of_release(release, chart)

    def _of_app_template(self, release: Release, name: str, depth: int | None = None) -> dict[Keys, Finding]:
        """Return what is wrong with a release of app-template, of whose keys down to a depth."""
        found: dict[Keys, Finding] = {}
        for keys, near, is_refused in known_keys.wrong_keys(release.values):
            if str(keys[-1]).startswith(OF_AUTHORS) or len(keys) > (depth or len(keys)):
                continue
            verb, why = ("refuses", ": it is no key of the chart") if is_refused else ("reads no", "")
            text = f"{name} {verb} {dotted(keys)}{why}{f': did you mean {near}?' if near else ''}"
            found[keys] = Finding(REFUSED if is_refused else UNREAD, release.item.at(*VALUES, *keys), text)
        # With the chart at hand, its schema says this.
        for keys, reason in known_shapes.wrong_shapes(release.values) if depth is None and release.is_whole else ():
            found[keys] = Finding(REFUSED, release.item.at(*VALUES, *keys), f"{name} refuses {dotted(keys)}: {reason}")
        return found

    def _of_release(self, release: Release, chart: Chart) -> Iterator[Finding]:
        name = f"{chart.name} {chart.version}"
        # The schema of app-template is open at the top.
        is_known = known_keys.is_known(chart.name, chart.version)
        of_top = self._of_app_template(release, name, depth=1) if is_known else {}
        yield from of_top.values()
        ours = substituted(dict(release.values), variables_in(self._cluster).of(release.kustomization))
        refused = set(of_top)
        for keys, reason, validator in _refusals(chart, ours):
            written = release.get(*keys)
            if isinstance(written, str) and "${" in written:
                continue  # what Flux substitutes can have any type
            if validator in COMPLETENESS and not release.is_whole:
                continue  # a Secret can hold it
            what = f"{name} refuses {dotted(keys) or 'values'}: {reason}"
            if keys in refused:
                continue  # one reason is enough
            refused.add(keys)
            yield Finding(REFUSED, release.item.at(*VALUES, *keys), what)
        for keys, beside in unread(chart.values, self._keys_read(chart), release.values):
            if keys in refused or in_schema(chart, keys) is not None or str(keys[-1]).startswith(OF_AUTHORS):
                continue
            near = closest(str(keys[-1]), beside)
            text = f"{name} reads no {dotted(keys)}{f': did you mean {near}?' if near else ''}"
            yield Finding(UNREAD, release.item.at(*VALUES, *keys), text)

    def _keys_read(self, chart: Chart) -> KeysRead:
        """Return the keys that a chart reads, from what is kept where it is known."""
        kept, name = self._registries.kept, f"keys-{KEYS_VERSION}-{chart.digest}"
        if (data := kept.data(name)) is not None:
            return KeysRead.of_data(data)
        read = keys_read(chart)
        kept.keep_data(name, read.as_data())
        return read


def _refusals(chart: Chart, ours: Mapping[str, Any]) -> Iterator[tuple[Keys, str, str]]:
    """Yield the keys of what the schemas refuse, with the reason and the schema's word for it."""
    everything = coalesced(chart.values, ours)
    for keys, schema in chart.own_schemas:
        values: Any = everything
        for key in keys:
            values = mapping(values).get(key, {})
        for error in errors(schema, values, chart.registry) or []:
            # Of several alternatives, the one that the values come nearest to.
            nearest = best_match([error]) or error
            place = (*keys, *nearest.absolute_path)
            if unknown := _unknown_keys(nearest):
                for name, known in unknown.items():
                    yield (*place, name), f"it is no key of the chart{known}", str(nearest.validator)
            else:
                yield place, " ".join(nearest.message.split())[:200], str(nearest.validator)


def _unknown_keys(error: ValidationError) -> dict[str, str]:
    """Return the keys that a schema has no place for, each with a similar one that it has."""
    if error.validator not in ("additionalProperties", "unevaluatedProperties") or error.validator_value is not False:
        return {}
    known = mapping(mapping(error.schema).get("properties"))
    # Which of them other parts of the schema know, only the message tells.
    unknown = [name for name in mapping(error.instance) if name not in known and repr(name) in error.message]
    near = {name: closest(str(name), known) for name in unknown}
    return {name: f": did you mean {near[name]}?" if near[name] else "" for name in unknown}


def in_one_line(not_judged: list[NotJudged], what: str) -> str:
    """Return how many charts or images were not judged, and why."""
    number = len(not_judged)
    subject = f"{number} {what}{'s' * (number > 1)} {'were' if number > 1 else 'was'} not judged"
    silent = sorted({str(one.why).partition(" ")[0] for one in not_judged if isinstance(one.why, Unreachable)})
    others = sorted({str(one.why) for one in not_judged if not isinstance(one.why, Unreachable)})
    reasons = [f"no answer from {', '.join(silent)}"] * bool(silent) + others
    more = f", and {len(reasons) - 2} more reasons" if len(reasons) > 3 else ""
    return f"{subject}: {'; '.join(reasons[:2] if more else reasons)}{more}"
