"""Suspend an app, resume it, or retry it after Flux gave up."""

from talos_flux.diagnose import app_state
from talos_flux.diagnose.app_state import AppState
from talos_flux.errors import UserError
from talos_flux.paths import KUBECONFIG
from talos_flux.process import ToolError, run
from talos_flux.terminal import done


def suspend(namespaced_name: str, minutes: float) -> None:
    """Suspend all objects of the app at <namespace>/<app>; UserError when one of them is not suspended afterwards."""
    app = app_state.find(namespaced_name)
    for arguments in objects_of(app):
        flux(minutes, "suspend", *arguments)
    # flux exits with 0 even when it did nothing.
    after = app_state.find(namespaced_name)
    if not after.is_suspended:
        raise UserError(f"only {', '.join(after.suspended) or 'nothing'} is suspended of {app.name}.")
    done(f"Flux leaves {app.name} alone until `task flux:resume APP={app.name}`.")


def resume(namespaced_name: str, minutes: float) -> None:
    """Resume all objects of the app at <namespace>/<app>; UserError when one of them is still suspended."""
    app = app_state.find(namespaced_name)
    for arguments in objects_of(app):
        # Without --wait=false, one that still fails would keep the following ones suspended.
        flux(minutes, "resume", *arguments, "--wait=false")
    # flux exits with 0 even when it did nothing.
    after = app_state.find(namespaced_name)
    if after.suspended:
        raise UserError(f"{', '.join(after.suspended)} is still suspended.")
    done(f"Flux follows {app.name} again: `task debug APP={app.name}` shows how it is.")


def retry(namespaced_name: str, minutes: float) -> None:
    """Retry the releases of the app at <namespace>/<app>, or its Kustomization when it has none.

    UserError when the app is suspended, or fails again.
    """
    app = app_state.find(namespaced_name)
    if app.suspended:
        raise UserError(f"{app.suspended[0]} is suspended: `task flux:resume APP={app.name}` first.")
    kustomization, *releases = objects_of(app)
    for release in releases:
        flux(minutes, "reconcile", *release, "--reset", "--force")
    if not releases:
        flux(minutes, "reconcile", *kustomization)
    done(f"{app.name} is tried again, with success.")


def objects_of(app: AppState) -> list[tuple[str, ...]]:
    """Return the app's Kustomization, then its HelmReleases, each as arguments for flux."""
    kustomization = ("kustomization", app.kustomization, "--namespace", app_state.FLUX_NAMESPACE)
    return [kustomization, *(("helmrelease", name, "--namespace", namespace) for namespace, name in app.releases)]


def flux(minutes: float, *arguments: str) -> None:
    """Run flux with its output on the terminal; UserError when it fails.

    What kubectl sets, Flux takes back the next time it applies Git.
    """
    try:
        run("flux", *arguments, "--timeout", f"{minutes:g}m", "--kubeconfig", KUBECONFIG, show=True)
    except ToolError:
        raise UserError(f"flux {' '.join(arguments[:3])} did not succeed, as it says above.") from None
