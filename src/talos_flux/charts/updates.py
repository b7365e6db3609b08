"""The newer versions for every pin, and what each means for the releases that get it."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from talos_flux.charts import ChartUnavailable, rendering
from talos_flux.charts.archive import Chart
from talos_flux.charts.changelog import Changelog, changelog
from talos_flux.charts.compare import Defaults, ValueProblem, defaults, problems, unset_defaults
from talos_flux.charts.constraint import LEVELS, allows, level_of, newer, number_of
from talos_flux.charts.pins import Pin, name_of
from talos_flux.charts.sources import Sources
from talos_flux.charts.value_schemas import substituted
from talos_flux.manifests.post_build import Variables
from talos_flux.manifests.releases import Release
from talos_flux.process import ToolError

# Concurrent requests: enough for several registries, too few to be rate-limited.
AT_A_TIME = 8
# The most characters of helm's error message that are shown.
SAID = 300


@dataclass(frozen=True)
class Images:
    """The images that one release stops and starts to use."""

    gone: tuple[str, ...]
    new: tuple[str, ...]


@dataclass
class Effect:
    """What a new chart means for one release. `unrendered` is why helm can't render its images."""

    release: Release
    problems: list[ValueProblem]
    images: Images | None = None
    unrendered: str = ""
    changed_defaults: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return namespace/name of the release."""
        return name_of(self.release)


@dataclass
class Update:
    """A newer version.

    `unknown` is why it could not be compared; `limit` is a kubeVersion that this cluster does not meet.
    """

    level: str
    version: str
    unknown: str = ""
    limit: str = ""
    app_versions: tuple[str, str] = ("", "")
    defaults: Defaults = field(default_factory=lambda: Defaults({}, {}, {}))
    effects: list[Effect] = field(default_factory=list)
    changelog: Changelog = field(default_factory=lambda: Changelog("", ()))
    notes: list[str] = field(default_factory=list)
    values: tuple[str, str] = field(default=("", ""), repr=False)

    @property
    def needs_care(self) -> bool:
        """Return whether our values, or Kubernetes, have to change first."""
        return bool(self.limit) or any(effect.problems for effect in self.effects)

    @property
    def is_complete(self) -> bool:
        """Return whether the comparison is complete."""
        return not any(effect.unrendered for effect in self.effects)

    @property
    def needing_care(self) -> set[str]:
        """Return the releases that need care: all of them when Kubernetes has to change."""
        return {effect.name for effect in self.effects if effect.problems or self.limit}


@dataclass
class Result:
    """What is known of a pin. `failure` is why its source can't be asked."""

    pin: Pin
    updates: list[Update] = field(default_factory=list)
    failure: str = ""

    @property
    def recommended(self) -> Update | None:
        """Return the newest patch or minor version that needs no other change."""
        fine = [
            update
            for update in self.updates
            if update.level != "major" and not update.needs_care and not update.unknown
        ]
        return fine[-1] if fine else None


@dataclass(frozen=True)
class Target:
    """What a chart is rendered for: the variables that Flux substitutes, and Kubernetes' version."""

    variables: Variables
    kubernetes: str

    def values_of(self, release: Release) -> dict[str, Any]:
        """Return a release's values after substitution."""
        return dict(substituted(dict(release.values), self.variables.of(release.kustomization)))

    def images_of(self, release: Release, chart: Chart) -> set[str]:
        """Return the images of a release with a chart; ToolError when helm can't render it."""
        return rendering.images(rendering.render(chart, release, self.values_of(release), self.kubernetes))


def look(pins: list[Pin], sources: Sources, target: Target) -> list[Result]:
    """Return what is newer than each pin, in their order; several are asked for at a time."""

    def result(pin: Pin) -> Result:
        if pin.reason or pin.source is None:
            return Result(pin)
        versions = listed[pin.source]
        if isinstance(versions, ChartUnavailable):
            return Result(pin, failure=str(versions))
        return _result(pin, newer(pin.version, versions), sources, target)

    with ThreadPoolExecutor(AT_A_TIME) as pool:
        listed = sources.versions([pin.source for pin in pins if pin.source and not pin.reason], pool)
        return list(pool.map(result, pins))


def look_at(pin: Pin, version: str, sources: Sources, target: Target) -> Result:
    """Return what another version means for the values of a pin's releases, be it newer or older.

    No release is rendered: who asks has both sides of each already.
    """
    old, new = number_of(pin.version), number_of(version)
    level = level_of(old, new) if old and new else "major"
    return _result(pin, {level: version}, sources, target, with_images=False)


def _result(
    pin: Pin, candidates: dict[str, str], sources: Sources, target: Target, *, with_images: bool = True
) -> Result:
    assert pin.source, "a pin without a source has a reason"
    if not candidates:
        return Result(pin)
    updates = [Update(level, version) for level, version in candidates.items()]
    try:
        before: Chart | None = sources.chart(pin.source, pin.version)
        lacking = ""
    except ChartUnavailable as reason:
        before, lacking = None, f"the pinned version can't be had: {reason}"
    # The pinned chart is rendered once for all candidates.
    today = _today(before, pin, target) if before and with_images else {}
    for update in updates:
        try:
            after = sources.chart(pin.source, update.version)
        except ChartUnavailable as reason:
            update.unknown = str(reason)
            continue
        _describe(update, after, target.kubernetes)
        update.unknown = lacking
        if before:
            _compare(update, (before, after))
            for release in pin.releases:
                effect = _effect(update, release, (before, after), target)
                update.effects.append(effect)
                effect.unrendered = _why_not_rendered(update)
                if not effect.unrendered:
                    effect.problems = [one for one in effect.problems if not _has_effect(one, release, after, target)]
                    if with_images:
                        _compare_images(effect, after, target, today[effect.name])
    return Result(pin, updates)


def _describe(update: Update, chart: Chart, kubernetes: str) -> None:
    """Set what a chart says of itself, without comparison."""
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
    if chart.has_external_schemas:
        update.notes.append("parts of its schema are at other addresses, and do not judge your values here")


def _compare(update: Update, charts: tuple[Chart, Chart]) -> None:
    """Set what differs between two charts, independent of releases."""
    before, after = charts
    update.app_versions = before.app_version, after.app_version
    update.defaults = defaults(before, after)
    update.values = before.values_text, after.values_text


def _effect(update: Update, release: Release, charts: tuple[Chart, Chart], target: Target) -> Effect:
    """Return what differs for a release, by values and schemas."""
    ours = target.values_of(release)
    if release.item.spec.get("valuesFrom"):
        update.notes.append(f"{name_of(release)} takes values from elsewhere, too (valuesFrom): they are not compared")
    return Effect(release, problems(*charts, ours), changed_defaults=unset_defaults(update.defaults, ours))


def _why_not_rendered(update: Update) -> str:
    """Return why helm renders nothing of a version; empty where it does."""
    if update.limit:
        return "helm renders no chart outside of its limit for Kubernetes"
    return "" if rendering.is_installed() else "helm is not installed"


def _compare_images(effect: Effect, chart: Chart, target: Target, old: set[str] | str) -> None:
    """Compare the images of today, or say why there are none, with those of another chart."""
    if isinstance(old, str):
        effect.unrendered = old
        return
    try:
        new = target.images_of(effect.release, chart)
        effect.images = Images(tuple(sorted(old - new)), tuple(sorted(new - old)))
    except ToolError as failed:
        effect.unrendered = "helm can't render the new chart"
        # Helm's error would repeat a schema's.
        if not any(problem.by_schema for problem in effect.problems):
            reason = _reason(failed)
            effect.problems.append(ValueProblem("refused", (), f"fail with the new chart, as helm says: {reason}"))


def _has_effect(problem: ValueProblem, release: Release, chart: Chart, target: Target) -> bool:
    """Return whether a key without a default still has an effect."""
    if problem.kind != "gone" or problem.by_schema:
        return False
    return rendering.does_anything(chart, release, target.values_of(release), problem.keys, target.kubernetes)


def _today(chart: Chart, pin: Pin, target: Target) -> dict[str, set[str] | str]:
    """Return the images of each release with the pinned chart, or why helm can't render it."""
    by_release: dict[str, set[str] | str] = {}
    for release in pin.releases if rendering.is_installed() else ():
        try:
            by_release[name_of(release)] = target.images_of(release, chart)
        except ToolError as failed:
            by_release[name_of(release)] = f"helm can't render the pinned chart: {_reason(failed)}"
    return by_release


def _reason(failed: ToolError) -> str:
    """Return helm's error message, or its end when it is long."""
    message = " ".join(failed.stderr.split())
    return message if len(message) <= SAID else f"… {message[-SAID:]}"


def unknowns(results: list[Result]) -> Iterator[str]:
    """Yield what could not be found out, a sentence each."""
    for result in results:
        if result.failure:
            yield f"{result.pin.source}: {result.failure}."
        for update in result.updates:
            if update.unknown:
                yield f"{result.pin.source} {update.version} is not compared: {update.unknown}."


def up_to(level: str) -> tuple[str, ...]:
    """Return the levels up to the given one, the largest first."""
    return LEVELS[: LEVELS.index(level) + 1][::-1]
