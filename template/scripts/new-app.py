#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["copier==9.19.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Add an app from the template, at the version that this repository follows."""

import argparse

from lib import template
from lib.apps import namespace_and_name
from lib.process import ROOT
from lib.terminal import command


def main() -> None:
    """The template asks, checks and writes."""
    usage = f"./scripts/new-app.py [-h] --app NAMESPACE/APP {template.USAGE}"
    parser = argparse.ArgumentParser(usage=usage, description=__doc__, epilog=template.HELP, allow_abbrev=False)
    parser.add_argument("--app", default="", help="<namespace>/<app>")
    arguments, others = parser.parse_known_args()
    place = namespace_and_name(arguments.app, "APP")
    template.add("app", ROOT.joinpath("kubernetes/apps", *place), others)


if __name__ == "__main__":
    command(main)
