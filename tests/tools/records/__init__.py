"""Records of components, backends and generators, and the tables that follow from them.

`make tables` writes the tables; `make check` compares them.
"""

from pathlib import Path

from tests.pins import known_now
from tests.tools.records import component_tables, dns, generator, git_hosts, ingress, secret_stores, storage, versions
from tests.tools.records.component import components


def backends() -> tuple[dns.Provider | secret_stores.Backend, ...]:
    """Return the backends of every kind."""
    return (*dns.providers(), *secret_stores.backends())


def all_tables() -> dict[Path, str]:
    """Return each table as it should be, by its path."""
    tables = {
        **component_tables.all_tables(components()),
        **git_hosts.all_tables(git_hosts.hosts()),
        **generator.all_tables(generator.records()),
    }
    # Several write the same files: their choices, conditions and versions.
    tables |= dns.all_tables(dns.providers(), tables)
    tables |= ingress.all_tables(ingress.ingresses(), tables)
    tables |= storage.all_tables(storage.storages(), tables)
    tables |= secret_stores.all_tables(secret_stores.backends(), tables)
    return {**tables, **versions.all_tables(known_now(), tables)}
