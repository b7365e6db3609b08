"""Records of components, backends and generators, and the tables that follow from them.

`make tables` writes the tables; `make check` compares them.
"""

from pathlib import Path

from tests.pins import known_now
from tests.tools.records import component_tables, dns, generator, git_hosts, ingress, storage, versions
from tests.tools.records.component import components


def all_tables() -> dict[Path, str]:
    """Return each table as it should be, by its path."""
    tables = {
        **component_tables.all_tables(components()),
        **git_hosts.all_tables(git_hosts.hosts()),
        **versions.all_tables(known_now()),
        **generator.all_tables(generator.records()),
    }
    # Their choices stand in files of questions, some in the same.
    tables |= dns.all_tables(dns.providers(), tables)
    tables |= ingress.all_tables(ingress.ingresses(), tables)
    tables |= storage.all_tables(storage.storages(), tables)
    return tables
