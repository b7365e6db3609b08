#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["lightkube==1.0.1", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Let Flux leave an app alone, follow it again, or try again after it gave up.

suspend  Flux leaves the app's Kustomization and HelmReleases as they are, so that you can repair by hand
resume   Flux applies Git again
retry    Flux forgets how often a HelmRelease failed, and tries it once more now
"""

from lib import appstate
from lib.arguments import FAILED, Parser, minutes
from lib.process import KUBECONFIG, ToolFailed, run
from lib.terminal import Refusal, command, done


def flux(minutes: float, *words: str) -> None:
    """Run flux, which says by itself what it does. What kubectl sets, Flux takes back the next time it applies Git."""
    try:
        run("flux", *words, "--timeout", f"{minutes:g}m", "--kubeconfig", KUBECONFIG, show=True)
    except ToolFailed:
        raise Refusal(f"flux {' '.join(words[:3])} did not succeed, as it says above.") from None


def main() -> None:
    """All objects of the app, or none."""
    parser = Parser(__doc__)
    parser.add_argument("verb", choices=("suspend", "resume", "retry"))
    parser.add_argument("--app", required=True, help="<namespace>/<app>")
    parser.add_argument("--timeout", type=minutes, default=5, metavar="MINUTES", help="how long to wait for Flux; 5")
    arguments = parser.parse_args()
    app = appstate.find(arguments.app)
    kustomization = ("kustomization", app.kustomization, "--namespace", appstate.FLUX_NAMESPACE)
    releases = [("helmrelease", name, "--namespace", namespace) for namespace, name in app.releases]
    if arguments.verb == "retry":
        if app.suspended:
            raise Refusal(f"{app.suspended[0]} is suspended: `task flux:resume APP={app.name}` first.")
        for release in releases:
            flux(arguments.timeout, "reconcile", *release, "--reset", "--force")
        if not releases:
            flux(arguments.timeout, "reconcile", *kustomization)
        done(f"{app.name} is tried again, with success.")
        return
    # Resumed, they reconcile by themselves; one that still fails must not keep the others suspended.
    options = ["--wait=false"] if arguments.verb == "resume" else []
    for one in (kustomization, *releases):
        flux(arguments.timeout, arguments.verb, *one, *options)
    # flux succeeds although it did nothing.
    after = appstate.find(arguments.app)
    if arguments.verb == "suspend":
        if not after.is_suspended:
            raise Refusal(f"only {', '.join(after.suspended) or 'nothing'} is suspended of {app.name}.")
        done(f"Flux leaves {app.name} alone until `task flux:resume APP={app.name}`.")
    else:
        if after.suspended:
            raise Refusal(f"{', '.join(after.suspended)} is still suspended.")
        done(f"Flux follows {app.name} again: `task debug APP={app.name}` shows how it is.")


if __name__ == "__main__":
    command(main, failed=FAILED)
