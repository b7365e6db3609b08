#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["copier==9.19.1", "pygit2==1.21.0", "pyyaml==6.0.3", "questionary==2.1.1", "rich==15.0.0"]
# ///
"""Open one pull request that lets the cluster and every namespace and app follow the template; what CI runs.

Exit codes: 0 when everything follows or the pull request is open, 1 when nothing was done, 2 when there is something to
decide, which takes a person.
"""

import argparse
import os
import sys
from pathlib import Path

from lib import journal, report, updating
from lib.blobs import refuse_anything_but_a_repository
from lib.hosts import Host, host_of_this_run
from lib.process import ROOT, ToolFailed, run, succeeds
from lib.refusal import Refusal
from lib.terminal import command, done, warn

BRANCH = "template-update"
AUTHOR = ("-c", "user.name=template update", "-c", "user.email=template-update@localhost")
DECIDE = 2


def main() -> None:
    """A branch that somebody else has worked on is not touched."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", default="", metavar="VERSION", help="version of the template, the newest by default")
    parser.add_argument("--base", required=True, metavar="BRANCH", help="the branch that the pull request is for")
    arguments = parser.parse_args()
    refuse_anything_but_a_repository()
    host = host_of_this_run()
    with journal.alone():
        journal.recover()
        journal.refuse_unless_clean()
        plan = updating.plan(arguments.to, {}, ())
        journal.refuse_what_is_in_the_way({**plan.changes, **plan.undecided})
        report.show(plan, with_diff=False)
        summary = report.as_markdown(plan)
        if shown := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(shown).open("a") as file:
                file.write(summary)
        if plan.conflicts:
            stop(plan)
        if plan.changes:
            title = f"feat(template): follow {plan.target}"
            journal.apply(plan.changes, (), {})
            push(host, title)
            done(f"The pull request is {host.propose(BRANCH, arguments.base, title, summary)}.")


def stop(plan: updating.Plan) -> None:
    """What can't be decided here fails the run, visibly."""
    if os.environ.get("GITHUB_ACTIONS") == "true":
        for conflict in plan.conflicts:
            print(f"::error file={conflict.path}::{conflict.reason}")
    warn(f"{len(plan.conflicts)} to decide: `task update TO={plan.target}` on your own computer, then push.")
    sys.exit(DECIDE)


def push(host: Host, title: str) -> None:
    """Commit what is staged to the branch, and push it unless that is there already."""
    os.environ.update(host.git_settings())
    run("git", "switch", "--quiet", "--force-create", BRANCH)
    run("git", *AUTHOR, "commit", "--quiet", "--no-verify", "--message", title)
    there = fetched(host)
    if there and run("git", "log", "-1", "--format=%ae", there).strip() != AUTHOR[-1].partition("=")[2]:
        raise Refusal(f"the branch {BRANCH} has somebody else's commits: merge them, or delete the branch.")
    if there and succeeds("git", "diff", "--quiet", there, "HEAD"):
        return
    try:
        run("git", "push", "--quiet", f"--force-with-lease={BRANCH}:{there}", host.address, BRANCH)
    except ToolFailed as failed:
        raise Refusal(f"{host.address} refused the branch {BRANCH}: {' '.join(failed.said.split())}.") from None


def fetched(host: Host) -> str:
    """The commit at which the branch is on the host; nothing where there is none."""
    try:
        run("git", "fetch", "--quiet", "--depth=1", host.address, f"refs/heads/{BRANCH}")
    except ToolFailed as failed:
        if "couldn't find remote ref" in failed.said:
            return ""
        raise Refusal(f"{host.address} can't be fetched: {' '.join(failed.said.split())}.") from None
    return run("git", "rev-parse", "FETCH_HEAD").strip()


if __name__ == "__main__":
    os.chdir(ROOT)
    command(main)
