"""What Renovate takes for a configuration: its options, presets and managers, as the pinned one has them.

    python -m tests.tools.renovate_options

writes src/talos_flux/data/renovate.json.xz.
"""

import json
import lzma
import subprocess
from pathlib import Path
from typing import Any

from tests.support.render import PROJECT
from tests.tools import renovate
from tests.tools.npm import environment, node_home

ARCHIVE = PROJECT / "src/talos_flux/data/renovate.json.xz"


def known() -> dict[str, Any]:
    """Return what the installed Renovate knows, its lists sorted."""
    script = Path(__file__).with_suffix(".mjs")
    done = subprocess.run(
        [str(node_home() / "bin" / "node"), str(script), str(renovate.installed() / "renovate")],
        env=environment(), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return {name: sorted(set(value)) if isinstance(value, list) else value for name, value in found.items()}


def packed() -> bytes:
    """Return the archive's bytes, the same each time."""
    return lzma.compress(json.dumps(known(), sort_keys=True, separators=(",", ":")).encode(), preset=9)


if __name__ == "__main__":
    ARCHIVE.write_bytes(packed())
    print(f"{ARCHIVE.relative_to(PROJECT)}: Renovate {known()['version']}, {ARCHIVE.stat().st_size // 1024} KiB")
