"""Every promise has a witness in make test: the table in docs/explanation/testing.md is held to the tests."""

import ast
import re
from functools import cache

import pytest

from tests.support.render import PROJECT
from tests.tools.pages.tables import cells, table

PAGE = PROJECT / "docs/explanation/testing.md"
HEADER = "| promise | witness in `make test` | full proof in `make test-all` |"
TESTS = PROJECT / "tests"
ROWS = [cells(row) for row in table(PAGE.read_text(), HEADER)]
THREATS = PROJECT / "docs/explanation/threat-model.md"
HEADER_OF_THREATS = "| attack | what stops it | shown by |"


@cache
def in_make_test(module: str) -> dict[str, bool]:
    """Return the tests of a module, and whether each is in make test, at least with some of its parameters."""
    tree = ast.parse((TESTS / f"{module}.py").read_text())
    of_module = {mark for node in tree.body if assigns(node, "pytestmark") for mark in marks_of(node)}
    tests = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            marks = of_module.union(*(marks_of(decorator) for decorator in node.decorator_list))
            tests[node.name] = "full" not in marks or "witness" in marks
    return tests


def assigns(node: ast.stmt, name: str) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets)


def marks_of(node: ast.AST) -> set[str]:
    """Return the names of the marks in an expression; those of single parameters don't count."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "parametrize":
        return set()
    return {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}


def named_in(cell: str) -> list[tuple[str, str]]:
    """Return (module, test) of each entry, "`module` what the test says"; a module alone stands for all its tests."""
    entries = [entry.strip() for entry in cell.split(";") if entry.strip()]
    tests = []
    for entry in entries:
        match = re.fullmatch(r"`([\w/]+)`(?: (.+))?", entry)
        assert match, f"{entry!r} names no test"
        tests.append((match[1], f"test_{match[2].replace(' ', '_')}" if match[2] else ""))
    return tests


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_promise_has_a_witness_in_make_test_and_its_proof_is_there(row: list[str]) -> None:
    _, witnesses, proofs = row
    assert witnesses, "no witness"
    for module, test in named_in(witnesses):
        assert in_make_test(module).get(test) is True or (not test and any(in_make_test(module).values())), (
            f"{module} {test}"
        )
    for module, test in named_in(proofs):
        assert not test or test in in_make_test(module), f"{module} {test}"


def test_every_module_of_tests_is_of_a_promise() -> None:
    named = {module for row in ROWS for cell in row[1:] for module, _ in named_in(cell)}
    modules = {str(path.relative_to(TESTS).with_suffix("")) for path in TESTS.rglob("test_*.py")}
    assert named == modules


def test_what_is_for_make_test_all_alone_is_told_apart() -> None:
    assert in_make_test("test_update_table")["test_no_change_of_a_user_is_ever_lost"]
    assert not in_make_test("test_update_table")["test_the_documented_outcomes_are_those_that_were_seen"]


def test_whatever_stops_an_attack_is_shown_by_tests_that_are_there_or_the_page_says_that_none_does() -> None:
    sections = THREATS.read_text().split("\n## ")[1:]
    rows = [cells(row) for section in sections for row in table(section, HEADER_OF_THREATS)]
    assert len(rows) > len(sections) > 1
    for attack, _, shown_by in rows:
        if shown_by != "no test":
            assert all((TESTS / f"{module}.py").exists() and not test for module, test in named_in(shown_by)), attack
