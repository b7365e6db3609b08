"""Add a namespace, an app or the like to a cluster: the entries in generators/ run this with Copier's own Python."""

import signal
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "src"))

if __name__ == "__main__":
    try:
        # Imports take a second, in which Ctrl-C is no traceback either.
        from talos_flux.template.generate.command import main

        sys.exit(main(ROOT))
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        signal.raise_signal(signal.SIGINT)
