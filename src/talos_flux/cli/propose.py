"""talos-flux propose: open one pull request that lets everything follow the template."""

import os
from pathlib import Path

import click

from talos_flux.cli.commands import subcommand
from talos_flux.repository.git_files import refuse_anything_but_a_repository
from talos_flux.template.handover import hand_over
from talos_flux.template.update import journal, obstacles, planner, update_report
from talos_flux.template.update.forge import forget_the_token, host_of_this_run
from talos_flux.template.update.proposed_branch import BRANCH, push
from talos_flux.terminal import done, warn

DECIDE = 2


@subcommand()
@click.option("--to", default="", metavar="VERSION", help="Follow this version of the template instead of the newest.")
@click.option("--base", required=True, metavar="BRANCH", help="The branch that the pull request is for.")
def command(to: str, base: str) -> int:
    """Open one pull request that follows the template; for CI.

    It lets the cluster and every namespace and app follow. A branch that somebody else has worked on is not touched.

    Exit codes: 0 everything follows or the pull request is open, 1 nothing was done, 2 there is something to decide,
    which takes a person.
    """
    refuse_anything_but_a_repository()
    host = host_of_this_run()
    with journal.locked():
        journal.recover()
        obstacles.refuse_unless_clean()
        version = planner.target(to, {})
        hand_over(version)
        forget_the_token()
        plan = planner.plan(version, {}, ())
        writes = {**plan.changes, **plan.undecided}
        obstacles.refuse_what_is_in_the_way(writes)
        obstacles.refuse_hidden_changes(writes)
        update_report.show(plan, with_diff=False)
        summary = update_report.as_markdown(plan)
        if shown := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(shown).open("a") as file:
                file.write(summary)
        if plan.conflicts:
            name_conflicts(plan)
            return DECIDE
        if plan.changes:
            title = f"feat(template): follow {plan.target}"
            journal.apply(plan.changes, (), {})
            push(host, title)
            done(f"The pull request is {host.propose(BRANCH, base, title, summary)}.")
    return 0


def name_conflicts(plan: planner.Plan) -> None:
    """Print the conflicts, on GitHub as annotations of the files."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for conflict in plan.conflicts:
            print(f"::error file={conflict.path}::{conflict.reason}")
    warn(f"{len(plan.conflicts)} to decide: `task update TO={plan.target}` on your own computer, then push.")
