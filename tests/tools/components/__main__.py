"""Write every table that is made of the components' records, as it should be."""

from tests.tools.components.record import components
from tests.tools.components.tables import all_tables


def main() -> None:
    """Write what differs, and say so."""
    for path, text in all_tables(components()).items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.name} is new.")


main()
