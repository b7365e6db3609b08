#!/usr/bin/env python3
"""Find in the files what would break the cluster. The same as `talos-flux check`, with its flags."""

import os
import sys
from pathlib import Path

wrapper = Path(__file__).resolve().with_name("talos-flux")
os.execv(wrapper, [wrapper, "check", *sys.argv[1:]])
