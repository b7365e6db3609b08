"""Scripts: what each says of itself when asked for help."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.support.cases import EXAMPLES
from tests.support.render import PROJECT, Answers

PAGE = PROJECT / "docs/reference/scripts.md"
# What follows is the program's.
MARK = "<!-- each script's --help -->\n"


def page(text: str, render: Callable[[Answers], Path]) -> str:
    """The page with a section for each script of the example that has everything."""
    cluster = render(EXAMPLES["everything"])
    names = sorted(path.name for path in cluster.glob("scripts/*.py"))
    sections = [f"\n## {name}\n\n```text\n{help_of(cluster, name)}\n```\n" for name in names]
    return text[: text.index(MARK) + len(MARK)] + "".join(sections)


def help_of(cluster: Path, name: str) -> str:
    """The help of a script, in lines that fit."""
    words = [sys.executable, f"scripts/{name}", "--help"]
    environment = os.environ | {"COLUMNS": "100", "NO_COLOR": "1"}
    done = subprocess.run(words, cwd=cluster, env=environment, capture_output=True, text=True, check=True)
    return re.sub(r"^usage: \S+\.py", f"usage: ./scripts/{name}", done.stdout.strip())
