#!/usr/bin/env python3
"""Say what Flux can't deploy, and where it began. The same as `talos-flux deployments`, with its flags."""

import os
import sys
from pathlib import Path

wrapper = Path(__file__).resolve().with_name("talos-flux")
os.execv(wrapper, [wrapper, "deployments", *sys.argv[1:]])
