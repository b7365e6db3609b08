#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Copy an app of another repository into this one, so that Flux applies it here as it does there."""

import argparse
import shlex
from pathlib import Path

from lib.adopting import Adoption, other_repository
from lib.apps import Repository, namespace_and_name
from lib.change import Change
from lib.checks.flux import Cluster
from lib.checks.rules import Severity
from lib.checks.topics import findings
from lib.kustomization import with_resource
from lib.process import ROOT
from lib.terminal import command, done, out, warn


def main() -> None:
    """Everything is written, or nothing; then what the checks find in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--app", default="", help="<namespace>/<app>")
    parser.add_argument("--from", default="", dest="old", help="the other repository's folder")
    arguments = parser.parse_args()
    place = namespace_and_name(arguments.app, "APP")
    repository, old = Repository(ROOT), other_repository(arguments.old)
    app = Adoption(repository, old, *place)
    app.refuse_what_is_taken()
    files, sources, left_behind = app.files(), app.sources(), app.components_left_behind()

    with Change() as change:
        draft = change.copy(old.root / app.folder)
        for path, text in files.items():
            (draft / path).write_text(text)
        change.move(draft, app.new_folder)
        text = app.registry.read_text()
        for line in app.registrations:
            text = with_resource(text, line)
        change.write(app.registry, text)
        for name, content in sources.items():
            change.create(repository.folder_of_sources / f"{name}.yaml", content)

    new = repository.short(app.new_folder)
    done(f"{new} is {app.place}, and its namespace lists it. Changed: {', '.join(sorted(files)) or 'nothing'}.")
    for name in sources:
        done(f"its chart's source {name} is new in {repository.short(repository.folder_of_sources)}.")
    for before, source in app.other_charts():
        warn(f"its chart was {before}, and is {source.url} {source.version} now: {repository.short(source.path)}.")
    for name in app.secrets_elsewhere():
        warn(f"Flux reads its Secret {name} in flux-system from now on: it must be there.")
    for path in app.filled_from_now_on():
        warn(f"{new}/{path}: Flux filled in no variable there, and does here. Write $${{…}} for what a program reads.")
    for folder, before in left_behind.items():
        parent, there = shlex.quote(str(Path(folder).parent)), shlex.quote(str(old.root / before))
        warn(f"{folder} is not here: take the entry out, or mkdir -p {parent} && cp -r {there} {parent}/")
    found = [finding for finding in findings(Cluster(ROOT)) if finding.place.path.startswith(f"{new}/")]
    errors = [finding for finding in found if finding.rule.severity is Severity.ERROR]
    for finding in errors:
        out.print(f"  {finding}", markup=False, highlight=False, soft_wrap=True)
    done(f"Errors to mend: {len(errors)}; warnings, which can wait: {len(found) - len(errors)}.")
    done("Next: `task check` says all, `task adopt:check` what Flux would do.")


if __name__ == "__main__":
    command(main)
