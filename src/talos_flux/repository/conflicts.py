"""What a merge or `copier update` left to be resolved."""

import re
from collections.abc import Iterator

CONFLICT = re.compile(r"^(?:<{7} |>{7} |\|{7} ).*", re.MULTILINE)


def leftovers(path: str, text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines of conflict markers, and line 1 of *.rej and *.orig files, each with what to say of it."""
    if path.endswith((".rej", ".orig")):
        yield 1, "this is left over from a merge: take what you need from it, then delete it"
    for match in CONFLICT.finditer(text):
        yield text.count("\n", 0, match.start()) + 1, f"conflict marker: {match[0]}"
