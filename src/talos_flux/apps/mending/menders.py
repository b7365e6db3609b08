"""Which finding is mended by what."""

from collections.abc import Callable
from functools import partial

from talos_flux.apps.mending import entrances, new_values, unbrought_kinds, waits
from talos_flux.apps.mending.equivalents import Equivalents
from talos_flux.apps.mending.plan import MendingPlan, planned
from talos_flux.manifests.flux_tree import Cluster

MENDERS = {
    "address-outside-pool": entrances.address_outside_pool,
    "claim-mode-refused": new_values.claim_mode_refused,
    "class-not-awaited": waits.not_awaited,
    "class-unknown": entrances.class_unknown,
    "depends-on-unknown": waits.depends_on_unknown,
    "gateway-unknown": entrances.gateway_unknown,
    "kind-unbrought": unbrought_kinds.left_out,
    "label-unlike-others": new_values.label_unlike_others,
    "no-retry-interval": new_values.no_retry_interval,
    "no-timeout": new_values.no_timeout,
    "provider-missing": unbrought_kinds.left_out,
    "provider-not-awaited": waits.not_awaited,
    "reference-unknown": new_values.reference_unknown,
    "retries-forever": new_values.retries_forever,
    "storage-class-unknown": new_values.storage_class_unknown,
    "storage-not-awaited": waits.not_awaited,
    "substitution-off": new_values.substitution_off,
    "substitution-undefined": new_values.substitution_undefined,
}


def plan_of(known: Equivalents, draft: Cluster, is_own: Callable[[str], bool]) -> MendingPlan:
    """Return what is to mend in the files of an app that is adopted in `draft`."""
    menders = {name: partial(mender, known) for name, mender in MENDERS.items()}
    known.loses_login = any(
        item.kind in unbrought_kinds.LOGIN
        and is_own(item.file.path)
        and unbrought_kinds.unbrought(known, draft, item.group)
        for item in draft.applied
    )
    return planned(draft, is_own, menders, partial(unbrought_kinds.unknown_kinds, known))
