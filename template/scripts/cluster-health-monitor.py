#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Say whether a node may be upgraded now: etcd, the nodes, the control plane, the network, DNS and Flux.

etcd must have a quorum and a member to spare, everything else must be whole. An app that fails stops no upgrade and
is a warning. Looking changes nothing.

Exit codes: 0 ready, 1 ready with warnings, 2 not ready, 3 something could not be looked at.
"""

from lib import cluster
from lib.arguments import FAILED, Parser, minutes
from lib.health import gate, waiting
from lib.health.report import show
from lib.health.running import add_options, run
from lib.terminal import command, err, out


def main() -> int:
    """Once, until Ctrl-C, or until it is ready."""
    parser = Parser(__doc__)
    parser.add_argument("-v", "--verbose", action="store_true", help="also say what is well")
    parser.add_argument("--wait", action="store_true", help="wait until it is ready, and say for what")
    parser.add_argument("--timeout", type=minutes, default=20, metavar="MINUTES", help="with --wait: how long; 20")
    add_options(parser)
    arguments = parser.parse_args()
    inventory = cluster.inventory()
    if arguments.watch:
        return run(gate.KINDS, gate.Gate(inventory, verbose=arguments.verbose).examine, arguments)
    options = {"context": arguments.context, "verbose": arguments.verbose}
    if not arguments.wait:
        verdict = waiting.look(inventory, **options)
        show(verdict, out, as_json=arguments.json)
        return verdict.code

    def say(what: str) -> None:
        err.print(f"waiting for {what}", markup=False)

    verdict = waiting.wait(inventory, arguments.timeout, say, **options)
    show(verdict, out, as_json=arguments.json)
    return verdict.code


if __name__ == "__main__":
    command(main, failed=FAILED)
