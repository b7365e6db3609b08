"""The order of an update's steps, by which a person's work is kept; each needs the lock of journal.locked.

The states in between are in docs/decisions/0027-an-undo-restores-what-the-update-wrote.md.
"""

from collections.abc import Callable, Mapping

from talos_flux.errors import UserError
from talos_flux.repository.contents import File
from talos_flux.template.update import journal, obstacles
from talos_flux.template.update.journal import Recovered

Say = Callable[[Recovered], None]


def look() -> None:
    """Begin to say what would change: nothing is written. UserError after an update that was interrupted."""
    if journal.is_interrupted():
        raise UserError("an update was interrupted: `task update:undo` takes back what it changed.")


def begin(say: Say) -> None:
    """Take back an update that was interrupted, and say so; UserError while there are changes that no commit holds."""
    if recovered := journal.recover():
        say(recovered)
    obstacles.refuse_unless_clean()


def refuse_to_lose(writes: Mapping[str, File | None]) -> None:
    """Raise UserError where a plan's files would replace what only the work tree has."""
    obstacles.refuse_what_is_in_the_way(writes)
    obstacles.refuse_hidden_changes(writes)


def undo(say: Say) -> list[str] | None:
    """Take the last update back, and return the paths that were edited since, which stay.

    None when it was interrupted, which is said. UserError when there is none, or it has been committed.
    """
    if recovered := journal.recover():
        say(recovered)
        return None
    kept = journal.undo()
    if kept is None:
        raise UserError("there is no update to undo.")
    return kept
