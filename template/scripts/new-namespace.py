#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["copier==9.19.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Add a namespace from the template, at the version that this repository follows."""

import argparse
import re

from lib import template
from lib.process import ROOT
from lib.terminal import Refusal, command


def main() -> None:
    """The template asks, checks and writes."""
    usage = f"./scripts/new-namespace.py [-h] --name NAMESPACE {template.USAGE}"
    parser = argparse.ArgumentParser(usage=usage, description=__doc__, epilog=template.HELP, allow_abbrev=False)
    parser.add_argument("--name", default="", help="name of the namespace")
    arguments, others = parser.parse_known_args()
    if not arguments.name:
        raise Refusal("NAME is missing: `task new:namespace NAME=<namespace>`.")
    if not re.fullmatch(r"\w[\w.-]*", arguments.name):
        raise Refusal(f"NAME is the name of a namespace, not {arguments.name}.")
    template.add("namespace", ROOT / "kubernetes/apps" / arguments.name, others)


if __name__ == "__main__":
    command(main)
