"""Recorded answers that other answers make impossible: each follows its default, or the update is refused."""

import json
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2.runtime import missing

from talos_flux.errors import UserError
from talos_flux.template.instances import Answers
from talos_flux.template.render import RefusedAnswer, Template

Advice = Callable[[Sequence[RefusedAnswer]], str]


@dataclass(frozen=True)
class Followed:
    """A recorded answer that gave way to its default."""

    before: Any
    now: Any
    reason: str


def answers_that_follow(
    new: Template, carried: Answers, given: Answers, destination: Path, *, or_else: Advice
) -> dict[str, Followed]:
    """Return the recorded answers that break their rules beside the given ones, each with the default in its place.

    Where the default is what is recorded, a person decides: UserError, which ends with the advice.
    """
    followed: dict[str, Followed] = {}
    to_decide: list[RefusedAnswer] = []
    while True:
        tried = {name: answer.now for name, answer in followed.items()}
        tried |= {refusal.name: refusal.suggested for refusal in to_decide}
        try:
            new.recorded(carried, {**given, **tried}, destination=destination)
        except RefusedAnswer as refusal:
            if refusal.default is not missing and refusal.default != refusal.answer:
                followed[refusal.name] = Followed(refusal.answer, refusal.default, refusal.reason)
                continue
            to_decide.append(refusal)
            if refusal.suggested is not missing:
                continue
        except UserError:
            if not to_decide:
                raise
        if to_decide:
            raise UserError(f"{str(to_decide[0]).removesuffix('.')}: {or_else(to_decide)}.")
        return followed


def what_to_add(refusals: Sequence[RefusedAnswer]) -> str:
    """Return what completes the command that changes the cluster's answers."""
    words = " ".join(f"--data {refusal.name}={_as_word(refusal.suggested)}" for refusal in refusals)
    other = "another answer" if len(refusals) == 1 else "other answers"
    return f"add `{words}`, or {other}, to the command"


def what_to_change_first(refusals: Sequence[RefusedAnswer]) -> str:
    """Return what changes the answer of an app or a namespace."""
    command = f"`copier update --defaults --data {refusals[0].name}=...`"
    return f"change it first, {command} in that folder, and commit"


def _as_word(value: Any) -> str:
    """Return a value as a shell and --data take it; an ellipsis where none is known."""
    if value is missing:
        return "..."
    return shlex.quote(value if isinstance(value, str) else json.dumps(value))
