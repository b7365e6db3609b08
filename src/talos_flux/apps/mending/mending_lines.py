"""The report of what is to mend in an adopted app, line by line."""

from collections.abc import Iterator

from talos_flux.apps.mending.plan import Mending, MendingPlan
from talos_flux.apps.mending.unbrought_kinds import KIND
from talos_flux.check.rule import Finding, Severity

CONFIG = ".yamllint"


class MendingReport:
    """What is to mend, or has been mended; then what somebody has to decide; then the style and the warnings."""

    def __init__(self, plan: MendingPlan, style: list[Finding], *, is_written: bool) -> None:
        self.plan, self.style, self.is_written = plan, style, is_written
        self.left = plan.left if is_written else plan.left_before

    def lines(self) -> Iterator[str]:
        """Yield the lines."""
        errors, warnings = _split(self.plan.mendings)
        left, left_warnings = _split(self.left)
        heading = "Mended" if self.is_written else "To mend, each with the lines to write (--mend writes them)"
        yield from _block(f"{heading}:", errors)
        yield from _block("To decide:", left)
        if self.style:
            yield "yamllint refuses, and nothing was changed since a program may read it as it stands:"
            yield from (f"  {finding.place.path}:{finding.place.line}: {finding.text}" for finding in self.style)
            yield f"  as it is: add below `ignore:` in {CONFIG}:"
            yield from (f"      - {path}" for path in dict.fromkeys(finding.place.path for finding in self.style))
        heading = "Warnings, mended" if self.is_written else "Warnings, which can wait, with the lines to write"
        yield from _block(f"{heading}:", warnings)
        if left_warnings:
            yield "Warnings, which can wait:"
            yield from (f"  {mending.finding}" for mending in left_warnings)
            for rule in dict.fromkeys(mending.finding.rule for mending in left_warnings):
                yield f"  {rule.id}: {rule.fix} As it is: above the line, `# allow {rule.id}: <why>`."

    def summary(self) -> str:
        """Return how much there is."""
        errors, warnings = _split(self.plan.mendings)
        left, left_warnings = _split(self.left)
        if self.is_written:
            return (
                f"Mended: {len(errors)} errors and {len(warnings)} warnings. "
                f"Errors to mend: {len(left) + len(self.style)}; warnings, which can wait: {len(left_warnings)}."
            )
        number = len(errors) + len(left) + len(self.style)
        return f"Errors to mend: {number}; warnings, which can wait: {len(warnings) + len(left_warnings)}."


def _split(mendings: list[Mending]) -> tuple[list[Mending], list[Mending]]:
    errors = [mending for mending in mendings if mending.finding.rule.severity is Severity.ERROR]
    return errors, [mending for mending in mendings if mending not in errors]


def _block(heading: str, mendings: list[Mending]) -> Iterator[str]:
    if mendings:
        yield heading
    for mending in mendings:
        finding = mending.finding
        yield (
            f"  {finding}"
            if finding.rule is not KIND
            else f"  {finding.place.path}:{finding.place.line}: {finding.text}"
        )
        if mending.advice:
            yield f"    {mending.advice}."
        elif not mending.spots:
            yield f"    {finding.rule.fix}"
        for hunk in mending.hunks:
            yield f"    {hunk.path}, line {hunk.line}:"
            yield from (f"    -{line}" for line in hunk.before)
            yield from (f"    +{line}" for line in hunk.after)
