"""What findings can be waived by."""

from tests.mutations.mutation import APP, Mutation

KS = f"{APP}/ks.yaml"

MUTATIONS = [
    Mutation(
        "a waiver of a rule that is none",
        "waiver-without-reason",
        KS,
        "# allow no-such-rule",
        {KS: ("  prune: true\n", "  # allow no-such-rule: it is fine\n  prune: true\n")},
    ),
    Mutation(
        "a waiver without a reason",
        "waiver-without-reason",
        KS,
        "# allow path-unknown",
        {KS: ("  prune: true\n", "  # allow path-unknown\n  prune: true\n")},
    ),
]
