"""For every pin what is newer, and for each newer version what it means for the releases that get it."""

from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from lib.chart_updates import NotHad, rendering
from lib.chart_updates.changelog import Changelog, changelog
from lib.chart_updates.chart import Chart
from lib.chart_updates.compare import Defaults, Problem, behind_us, defaults, problems
from lib.chart_updates.pins import Pin, name_of
from lib.chart_updates.sources import Sources
from lib.chart_updates.versions import LEVELS, allows, newer, number_of
from lib.checks.charts import Release
from lib.process import ToolFailed
from lib.validation.charts import filled

# How much of what helm says is shown.
SAID = 300


@dataclass(frozen=True)
class Images:
    """The images that one release stops and starts to use."""

    gone: tuple[str, ...]
    new: tuple[str, ...]


@dataclass
class Effect:
    """What a new chart means for one release. `unrendered` is why helm can't tell its images."""

    release: Release
    problems: list[Problem]
    images: Images | None = None
    unrendered: str = ""
    changed_defaults: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """namespace/name of the release."""
        return name_of(self.release)


@dataclass
class Update:
    """A newer version. `unknown` is why it could not be compared; `limit` is one that this cluster is not within."""

    level: str
    version: str
    unknown: str = ""
    limit: str = ""
    app_versions: tuple[str, str] = ("", "")
    defaults: Defaults = field(default_factory=lambda: Defaults({}, {}, {}))
    effects: list[Effect] = field(default_factory=list)
    changelog: Changelog = Changelog("", ())
    notes: list[str] = field(default_factory=list)
    values: tuple[str, str] = field(default=("", ""), repr=False)

    @property
    def needs_care(self) -> bool:
        """Whether something of ours has to change first, or Kubernetes."""
        return bool(self.limit) or any(effect.problems for effect in self.effects)

    @property
    def is_seen_whole(self) -> bool:
        """Whether nothing of the comparison is missing."""
        return not any(effect.unrendered for effect in self.effects)

    @property
    def in_need(self) -> set[str]:
        """The releases that need care: all, where Kubernetes is what has to change."""
        return {effect.name for effect in self.effects if effect.problems or self.limit}


@dataclass
class Result:
    """What is known of a pin. `failure` is why nothing is: its source can't be asked."""

    pin: Pin
    updates: list[Update] = field(default_factory=list)
    failure: str = ""

    @property
    def recommended(self) -> Update | None:
        """The newest patch or minor version that one can take as it is."""
        fine = [one for one in self.updates if one.level != "major" and not one.needs_care and not one.unknown]
        return fine[-1] if fine else None


@dataclass(frozen=True)
class Home:
    """What a chart finds here: the settings that Flux fills in, and Kubernetes' version."""

    settings: Mapping[str, str]
    kubernetes: str

    def values_of(self, release: Release) -> dict[str, Any]:
        """A release's values after the settings."""
        return dict(filled(dict(release.values), self.settings))

    def images_of(self, release: Release, chart: Chart) -> set[str]:
        """The images of a release with a chart; ToolFailed."""
        return rendering.images(rendering.render(chart, release, self.values_of(release), self.kubernetes))


def look(pins: list[Pin], sources: Sources, home: Home, pool: Executor) -> list[Result]:
    """What is newer than each pin, in their order."""
    listed = sources.versions([pin.source for pin in pins if pin.source and not pin.reason], pool)

    def result(pin: Pin) -> Result:
        if pin.reason or pin.source is None:
            return Result(pin)
        versions = listed[pin.source]
        if isinstance(versions, NotHad):
            return Result(pin, failure=str(versions))
        return _result(pin, newer(pin.version, versions), sources, home)

    return list(pool.map(result, pins))


def _result(pin: Pin, candidates: dict[str, str], sources: Sources, home: Home) -> Result:
    assert pin.source, "a pin without a source has a reason"
    if not candidates:
        return Result(pin)
    updates = [Update(level, version) for level, version in candidates.items()]
    try:
        before: Chart | None = sources.chart(pin.source, pin.version)
        lacking = ""
    except NotHad as reason:
        before, lacking = None, f"the pinned version can't be had: {reason}"
    # What helm makes of our values today is the same beside every candidate.
    today = _today(before, pin, home) if before else {}
    for update in updates:
        try:
            after = sources.chart(pin.source, update.version)
        except NotHad as reason:
            update.unknown = str(reason)
            continue
        _describe(update, after, home.kubernetes)
        update.unknown = lacking
        if before:
            _compare(update, (before, after))
            for release in pin.releases:
                update.effects.append(_effect(update, release, (before, after), home))
                _render(update, update.effects[-1], after, home, today)
    return Result(pin, updates)


def _describe(update: Update, chart: Chart, kubernetes: str) -> None:
    """What a chart says without another one beside it."""
    update.changelog = changelog(chart)
    if chart.about.get("deprecated") is True:
        update.notes.append("its authors have given the chart up (deprecated)")
    number = number_of(update.version)
    if number and number.major == 0 and update.level != "patch":
        update.notes.append("before 1.0 any version may break what worked")
    try:
        if chart.limit and not allows(chart.limit, kubernetes):
            update.limit = chart.limit
    except ValueError:
        update.notes.append(f"its limit for Kubernetes can't be read: {chart.limit}")
    if chart.is_judged_in_part:
        update.notes.append("parts of its schema are at other addresses, and do not judge your values here")


def _compare(update: Update, charts: tuple[Chart, Chart]) -> None:
    """What differs between two charts, whoever uses them."""
    before, after = charts
    update.app_versions = before.app_version, after.app_version
    update.defaults = defaults(before, after)
    update.values = before.values_text, after.values_text


def _effect(update: Update, release: Release, charts: tuple[Chart, Chart], home: Home) -> Effect:
    """What differs for a release, by values and schemas."""
    ours = home.values_of(release)
    if release.item.spec.get("valuesFrom"):
        update.notes.append(f"{name_of(release)} takes values from elsewhere, too (valuesFrom): they are not compared")
    return Effect(release, problems(*charts, ours), changed_defaults=behind_us(update.defaults, ours))


def _render(update: Update, effect: Effect, chart: Chart, home: Home, today: Mapping[str, set[str] | str]) -> None:
    """Images, and whether a key that looks gone is read all the same."""
    if update.limit:
        effect.unrendered = "helm renders no chart outside of its limit for Kubernetes"
        return
    if not rendering.is_there():
        effect.unrendered = "helm is not installed"
        return
    effect.problems = [one for one in effect.problems if not _is_read_all_the_same(one, effect.release, chart, home)]
    old = today[effect.name]
    if isinstance(old, str):
        effect.unrendered = old
        return
    try:
        new = home.images_of(effect.release, chart)
        effect.images = Images(tuple(sorted(old - new)), tuple(sorted(new - old)))
    except ToolFailed as failed:
        effect.unrendered = "helm can't render the new chart"
        # Helm only repeats what a schema says.
        if not any(one.by_schema for one in effect.problems):
            said = _reason(failed)
            effect.problems.append(Problem("refused", (), f"fail with the new chart, as helm says: {said}"))


def _is_read_all_the_same(problem: Problem, release: Release, chart: Chart, home: Home) -> bool:
    """Whether a key has no default any more, and does something nevertheless."""
    if problem.what != "gone" or problem.by_schema:
        return False
    return rendering.does_anything(chart, release, home.values_of(release), problem.keys, home.kubernetes)


def _today(chart: Chart, pin: Pin, home: Home) -> dict[str, set[str] | str]:
    """The images of each release with the pinned chart, or why helm can't tell."""
    found: dict[str, set[str] | str] = {}
    for release in pin.releases if rendering.is_there() else ():
        try:
            found[name_of(release)] = home.images_of(release, chart)
        except ToolFailed as failed:
            found[name_of(release)] = f"helm can't render the pinned chart: {_reason(failed)}"
    return found


def _reason(failed: ToolFailed) -> str:
    """What helm says: the end, where it went through many templates to get there."""
    said = " ".join(failed.said.split())
    return said if len(said) <= SAID else f"… {said[-SAID:]}"


def unknowns(results: list[Result]) -> Iterator[str]:
    """What could not be found out, a sentence each."""
    for result in results:
        if result.failure:
            yield f"{result.pin.source}: {result.failure}."
        for update in result.updates:
            if update.unknown:
                yield f"{result.pin.source} {update.version} is not compared: {update.unknown}."


def up_to(level: str) -> tuple[str, ...]:
    """The levels that may be applied when one is asked for, the largest first."""
    return LEVELS[: LEVELS.index(level) + 1][::-1]
