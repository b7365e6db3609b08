"""The command that is tested, as a subprocess gets it."""

import sys

from tests.support.render import PROJECT

# What scripts/talos-flux of a cluster ends in.
TALOS_FLUX = (sys.executable, str(PROJECT / "src/talos_flux"))
