"""Records of components, backends and generators, and the tables that follow from them.

`make tables` writes the tables; `make check` compares them.
"""

from pathlib import Path

from tests.pins import known_now
from tests.tools.records import component_tables, dns, generator, versions
from tests.tools.records.component import components


def all_tables() -> dict[Path, str]:
    """Return each table as it should be, by its path."""
    return {
        **component_tables.all_tables(components()),
        **dns.all_tables(dns.providers()),
        **versions.all_tables(known_now()),
        **generator.all_tables(generator.records()),
    }
