"""The table of the static checks' rules, from the rules themselves."""

from talos_flux.check.rules import RULES
from tests.support.render import PROJECT
from tests.tools.pages.tables import filled

PAGE = PROJECT / "docs/reference/checks.md"
HEADER = "| rule | severity | why |"


def page(text: str) -> str:
    """Return the page with a row for each rule, by name."""
    return filled(text, HEADER, [[f"`{one.id}`", one.severity.value, one.why] for _, one in sorted(RULES.items())])
