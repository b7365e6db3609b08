"""The project's tests, and what they run with. Modules of it run by themselves too, `python -m tests.tools`."""

import sys
from pathlib import Path

# As pyproject.toml says it to pytest.
sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
