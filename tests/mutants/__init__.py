"""Defects put into the template and its tools, one at a time; a witness of make test must see each.

The mutations of a cluster, which the checks must find, are in tests/mutations.
"""

from tests.mutants import generators, template, tools
from tests.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*template.MUTANTS, *generators.MUTANTS, *tools.MUTANTS)
