"""Rules about Renovate's own configuration, which nobody looks at once there are no more pull requests."""

from collections.abc import Iterator

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.manifests.renovate import Configuration, configurations
from talos_flux.manifests.renovate_options import Objection, objections


@rule(
    "renovate-refused",
    Severity.ERROR,
    "Renovate that refuses its configuration updates nothing, and says so in an issue alone.",
    "Correct it; https://docs.renovatebot.com/configuration-options/ has every option.",
)
def renovate_refused(cluster: Cluster) -> Violations:
    """Find what Renovate stops at: texts that are no JSON5, options and presets that it has not, and wrong types."""
    for configuration in configurations(cluster.files):
        if configuration.unreadable:
            yield Place(configuration.path, configuration.unreadable.line), str(configuration.unreadable)
        for objection in _objections(configuration):
            if objection.is_refused:
                yield Place(configuration.path, objection.line), objection.text


@rule(
    "renovate-ignores",
    Severity.WARNING,
    "Renovate passes over what it does not know, or can't use where it stands, as if it were not there.",
    "Correct it, or put it where it belongs; https://docs.renovatebot.com/configuration-options/ has every option.",
)
def renovate_ignores(cluster: Cluster) -> Violations:
    """Find options that do nothing."""
    for configuration in configurations(cluster.files):
        for objection in _objections(configuration):
            if not objection.is_refused:
                yield Place(configuration.path, objection.line), objection.text


def _objections(configuration: Configuration) -> Iterator[Objection]:
    if configuration.content is not None:
        yield from objections(configuration.content, is_preset=configuration.is_preset)
