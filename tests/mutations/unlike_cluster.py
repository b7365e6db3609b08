"""Files that say what is not so in the cluster."""

from tests.mutations.mutation import APP, Harmless, Mutation

KS = f"{APP}/ks.yaml"
RELEASE = f"{APP}/app/helmrelease.yaml"


def with_upgrade(retries: int) -> dict[str, tuple[str, str]]:
    """Return the replacement that gives a release retries of its own, in place of which the root sets 3."""
    text = f"spec:\n  upgrade:\n    remediation:\n      retries: {retries}\n  interval"
    return {RELEASE: ("spec:\n  interval", text)}


MUTATIONS = [
    Mutation("retries that the root replaces", "value-overridden", RELEASE, "retries: -1", with_upgrade(-1)),
    Mutation("an app that removes nothing", "prune-off", KS, "prune: false", {KS: ("prune: true", "prune: false")}),
]
HARMLESS = [Harmless("what the root sets as well", with_upgrade(3))]
