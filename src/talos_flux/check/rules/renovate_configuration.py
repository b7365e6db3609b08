"""Rules about Renovate's own configuration, which nobody looks at once there are no more pull requests."""

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.objects import Place
from talos_flux.manifests.renovate import configurations
from talos_flux.manifests.renovate_options import objections


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
    yield from _objections(cluster, is_refused=True)


@rule(
    "renovate-ignores",
    Severity.WARNING,
    "Renovate passes over what it does not know, or can't use where it stands, as if it were not there.",
    "Correct it, or put it where it belongs; https://docs.renovatebot.com/configuration-options/ has every option.",
)
def renovate_ignores(cluster: Cluster) -> Violations:
    """Find options that do nothing."""
    yield from _objections(cluster, is_refused=False)


def _objections(cluster: Cluster, *, is_refused: bool) -> Violations:
    for configuration in configurations(cluster.files):
        if configuration.content is not None:
            for objection in objections(configuration.content, is_preset=configuration.is_preset):
                if objection.is_refused is is_refused:
                    yield Place(configuration.path, objection.line), objection.text
