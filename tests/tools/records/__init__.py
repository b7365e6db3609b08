"""Records of components and backends, and the tables that follow from them.

`make tables` writes the tables; `make check` compares them.
"""

from pathlib import Path

from tests.pins import known_now
from tests.tools.records import component_tables, dns, secret_stores, versions
from tests.tools.records.component import components


def backends() -> tuple[dns.Provider | secret_stores.Backend, ...]:
    """Return the backends of every kind."""
    return (*dns.providers(), *secret_stores.backends())


def all_tables() -> dict[Path, str]:
    """Return each table as it should be, by its path."""
    made = {**component_tables.all_tables(components()), **dns.all_tables(dns.providers())}
    made |= secret_stores.all_tables(secret_stores.backends(), made)
    return {**made, **versions.all_tables(known_now(), made)}
