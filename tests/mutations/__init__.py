"""Defects, one at a time, each with the one finding that it must lead to. Every module is a topic of the checks."""

import importlib
import pkgutil

from tests.mutations.mutation import Mutation

MUTATIONS: list[Mutation] = [
    mutation
    for module in pkgutil.iter_modules(__path__)
    if module.name != "mutation"
    for mutation in importlib.import_module(f"{__name__}.{module.name}").MUTATIONS
]
