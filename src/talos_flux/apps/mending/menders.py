"""Which finding is mended by what."""

from collections.abc import Callable
from functools import partial

from talos_flux.apps.mending import entrances, kinds, values, waits
from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.plan import Plan, planned
from talos_flux.manifests.flux_tree import Cluster

MENDERS = {
    "address-outside-pool": entrances.address_outside_pool,
    "claim-mode-refused": values.claim_mode_refused,
    "class-not-awaited": waits.not_awaited,
    "class-unknown": entrances.class_unknown,
    "depends-on-unknown": waits.depends_on_unknown,
    "gateway-unknown": entrances.gateway_unknown,
    "kind-unknown": kinds.left_out,
    "label-unlike-others": values.label_unlike_others,
    "no-retry-interval": values.no_retry_interval,
    "no-timeout": values.no_timeout,
    "provider-missing": kinds.left_out,
    "provider-not-awaited": waits.not_awaited,
    "reference-unknown": values.reference_unknown,
    "retries-forever": values.retries_forever,
    "storage-class-unknown": values.storage_class_unknown,
    "storage-not-awaited": waits.not_awaited,
    "substitution-off": values.substitution_off,
    "substitution-undefined": values.substitution_undefined,
}


def plan_of(known: Equivalents, draft: Cluster, is_own: Callable[[str], bool]) -> Plan:
    """Return what is to mend in the files of an app that is adopted in `draft`."""
    menders = {name: partial(mender, known) for name, mender in MENDERS.items()}
    known.loses_login = any(
        item.kind in kinds.LOGIN and is_own(item.file.path) and kinds.unbrought(known, draft, item.group)
        for item in draft.applied
    )
    return planned(draft, is_own, menders, partial(kinds.unknown_kinds, known))
