"""What a cluster needs before Flux runs in it: namespaces, Secrets, and the releases that Flux itself needs."""

from talos_flux import kubectl
from talos_flux.errors import UserError
from talos_flux.paths import AGE_KEY, ROOT
from talos_flux.process import ToolError, run
from talos_flux.repository.settings import look_up
from talos_flux.secrets import declared
from talos_flux.secrets.declared import Secret, SecretKey
from talos_flux.secrets.store import store
from talos_flux.terminal import done

_PENDING = "status in (pending-install, pending-upgrade, pending-rollback)"


def apply_namespaces() -> None:
    """Apply the namespaces of every app as Flux will have them."""
    for path in sorted((ROOT / "kubernetes/apps").glob("*/namespace.yaml")):
        kubectl.apply(path)
    done("The namespaces are there.")


def apply_secrets() -> None:
    """Apply the Secrets that belong to no app; their values go from the store to the cluster through a pipe."""
    store().refuse_unless_usable()
    for secret in declared.wanted():
        if secret.namespace and not secret.app:
            values = {key.name: _value_of(secret, key) for key in secret.keys}
            kubectl.apply(declared.manifest(secret, values, with_namespace=True))
            done(f"Secret {secret} is there.")


def _value_of(secret: Secret, key: SecretKey) -> str:
    """Return a value that the cluster needs before Flux runs: age.key, or what the store holds."""
    if key.made != "from age.key":
        return store().value(secret, key)
    if not AGE_KEY.exists():
        raise UserError("age.key is missing: restore it from your backup, or make a new one with `task init`.")
    return AGE_KEY.read_text()


def forget_interrupted_releases() -> None:
    """Delete the records of pending Helm releases, which a killed helm leaves and every later install refuses.

    Only the record is deleted, not what was installed. Releases that Flux manages are left alone.
    """
    for path in look_up(ROOT / "bootstrap/apps.yaml", "apps"):
        namespace, _, name = path.partition("/")
        records = kubectl.listed("secrets", namespace, selector=f"owner=helm,name={name},{_PENDING}")
        if records and not _is_fluxs(namespace, name):
            kubectl.delete("secrets", namespace, [record["metadata"]["name"] for record in records])
            done(f"The installation of {name} was interrupted and begins anew.")


def _is_fluxs(namespace: str, name: str) -> bool:
    """Return whether a HelmRelease of that name exists; False before Flux has installed the kind."""
    try:
        releases = kubectl.listed("helmreleases.helm.toolkit.fluxcd.io", namespace)
        return name in {release["metadata"]["name"] for release in releases}
    except ToolError as failed:
        if "doesn't have a resource type" in failed.stderr:
            return False
        raise


def install_releases() -> None:
    """Install the releases of bootstrap/apps.yaml with helmfile, which writes to the terminal."""
    run("helmfile", "--file", "bootstrap/helmfile.yaml.gotmpl", "sync", "--hide-notes", show=True)
