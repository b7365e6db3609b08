"""Write every table that is made of the records, as it should be."""

from tests.tools.records import all_tables


def main() -> None:
    """Write what differs, and say so."""
    for path, text in all_tables().items():
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            print(f"{path.name} is new.")


main()
