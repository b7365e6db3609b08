"""The root of the repository that a command works on, and the paths in it that every part needs."""

import os
from pathlib import Path

ANSWERS_FILE = ".copier-answers.yml"


def find_root(start: Path) -> Path:
    """Return the root of the Git work tree that contains a folder; the folder itself outside of any."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


# scripts/talos-flux sets the variable, so that its commands work from any folder.
ROOT = Path(os.environ.get("TALOS_FLUX_ROOT") or find_root(Path.cwd())).resolve()
ANSWERS = ROOT / ANSWERS_FILE
KUBECONFIG = ROOT / "kubeconfig"
TALOSCONFIG = ROOT / "talos" / "clusterconfig" / "talosconfig"
AGE_KEY = ROOT / "age.key"


def cache_folder() -> Path:
    """Return the folder outside of the repository for what can be had again: templates, tools, what Jinja compiled."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache").absolute() / "copier-talos-flux"
