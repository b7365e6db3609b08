"""What the commands in scripts/ share."""

import sys
from types import TracebackType


def without_ctrl_c(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Say nothing of Ctrl-C while the other modules are imported, which takes a second: nothing has begun then."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = without_ctrl_c
