#!/usr/bin/env python3
"""Show Flux at work. The same as `talos-flux monitor`, with its flags."""

import os
import sys
from pathlib import Path

wrapper = Path(__file__).resolve().with_name("talos-flux")
os.execv(wrapper, [wrapper, "monitor", *sys.argv[1:]])
