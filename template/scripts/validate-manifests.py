#!/usr/bin/env python3
"""Check the repository as the commit hook and CI do. The same as `talos-flux validate`, with its flags."""

import os
import sys
from pathlib import Path

wrapper = Path(__file__).resolve().with_name("talos-flux")
os.execv(wrapper, [wrapper, "validate", *sys.argv[1:]])
