"""Defects, one at a time, each with the one finding that it must lead to, and changes that lead to none.

Every module is a topic of the checks.
"""

import importlib
import pkgutil

from tests.mutations.mutation import Harmless, Mutation

TOPICS = [
    importlib.import_module(f"{__name__}.{module.name}")
    for module in pkgutil.iter_modules(__path__)
    if module.name != "mutation"
]
MUTATIONS: list[Mutation] = [mutation for topic in TOPICS for mutation in topic.MUTATIONS]
HARMLESS: list[Harmless] = [change for topic in TOPICS for change in getattr(topic, "HARMLESS", ())]
