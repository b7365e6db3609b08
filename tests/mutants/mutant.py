"""What a mutant is."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutant:
    """A defect in one file of the project, and the test of make test that fails because of it.

    `old` is in the file exactly once. `witness` is a test as pytest selects it, below tests/.
    """

    name: str
    file: str
    old: str
    new: str
    witness: str
