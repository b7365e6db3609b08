"""`python -m talos_flux` is `talos-flux`, and so is `python <this folder>`, which scripts/talos-flux runs."""

import sys
from pathlib import Path

if not __package__:
    # Python put this folder first, where its modules would hide those of the standard library.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from talos_flux.cli import main

main()
