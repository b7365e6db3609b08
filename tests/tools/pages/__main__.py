"""Write every page of docs/reference that is made of what the project says, as it should be."""

import tempfile
from pathlib import Path

from tests.support.render import Answers
from tests.tools.pages import all_pages
from tests.tools.pages.questions import template
from tests.tools.written import write_what_differs


def main() -> None:
    """Write what differs, and say so."""
    with tempfile.TemporaryDirectory() as folder:

        def render(answers: Answers) -> Path:
            root = Path(folder) / str(answers.get("cluster_name", "usual"))
            for name, file in template().render({}, answers).items() if not root.exists() else ():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(file.content)
            return root

        write_what_differs(all_pages(render))


main()
