"""Whatever a user and a template do to the same files, every line that the user wrote is kept or in a conflict."""

from collections.abc import Mapping

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from talos_flux.repository.contents import File
from talos_flux.template.update.merge import Merged, merge, unit_of, with_markers
from tests.support.needs import needs

UNIT = "kubernetes/apps/media/jellyfin"
NAMES = [f"{UNIT}/{name}" for name in ("ks.yaml", "app/a.yaml", "app/b.yaml", "app/c.yaml", "app/folder/d.yaml")]
# Few of them, so that both sides often have the same; enough that git takes look-alike files for moved ones.
LINES = [f"key{number}: value" for number in range(12)]

Texts = dict[str, list[str]]

texts = st.dictionaries(
    st.sampled_from(NAMES), st.lists(st.sampled_from(LINES), min_size=1, max_size=14), min_size=1, max_size=4
)


@st.composite
def edited(draw: st.DrawFn, old: Texts, author: str) -> Texts:
    """Draw what somebody makes of files: lines of their own, fewer lines, files moved, deleted, copied, added."""
    new = {name: list(lines) for name, lines in old.items()}
    for number in range(draw(st.integers(0, 5))):
        name = draw(st.sampled_from(sorted(new) or NAMES))
        lines = new.setdefault(name, [])
        match draw(st.sampled_from(["insert", "replace", "remove", "move", "delete", "copy", "add", "reverse"])):
            case "insert":
                lines.insert(draw(st.integers(0, len(lines))), f"{author}{number}: inserted")
            case "replace" if lines:
                lines[draw(st.integers(0, len(lines) - 1))] = f"{author}{number}: replaced"
            case "remove" if lines:
                lines.pop(draw(st.integers(0, len(lines) - 1)))
            case "move":
                new[draw(st.sampled_from(NAMES))] = new.pop(name)
            case "delete":
                new.pop(name)
            case "copy":
                new[draw(st.sampled_from(NAMES))] = list(lines)
            case "add":
                new[draw(st.sampled_from(NAMES))] = [
                    f"{author}{number}: added",
                    *draw(st.lists(st.sampled_from(LINES))),
                ]
            case "reverse":
                lines.reverse()
    return new


@st.composite
def histories(draw: st.DrawFn) -> tuple[Texts, Texts, Texts]:
    old = draw(texts)
    return old, draw(edited(old, "mine")), draw(edited(old, "theirs"))


def files(texts: Texts) -> dict[str, File]:
    return {
        name: File("".join(f"{line}\n" for line in lines).encode(), executable=False) for name, lines in texts.items()
    }


def result(yours: Mapping[str, File], merged: Merged) -> dict[str, File]:
    """Return the files afterwards, without those that can't be decided."""
    undecided = {conflict.path for conflict in merged.conflicts}
    after = {**yours, **merged.changes}
    return {name: file for name, file in after.items() if file and name not in undecided}


def mine(found: Mapping[str, File]) -> set[str]:
    """Return the lines that the user wrote."""
    return {line for file in found.values() for line in file.content.decode().splitlines() if line.startswith("mine")}


many = settings(
    max_examples=200, deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)


@needs("copier")
@many
@given(histories())
@example(({NAMES[0]: LINES}, {NAMES[1]: [*LINES, "mine: 1"]}, {NAMES[2]: LINES}))
@example(({NAMES[0]: LINES}, {NAMES[0]: ["mine: 1", *LINES]}, {NAMES[1]: LINES[:6], NAMES[2]: LINES[6:]}))
def test_every_line_that_the_user_wrote_is_kept_or_in_a_conflict(history: tuple[Texts, Texts, Texts]) -> None:
    old, yours, new = map(files, history)
    merged = merge(old, yours, new)
    undecided = {conflict.path: conflict.yours for conflict in merged.conflicts if conflict.yours}
    assert mine(yours) <= mine(result(yours, merged)) | mine(undecided)


@needs("copier")
@many
@given(histories())
def test_a_line_in_a_conflict_is_in_the_file_that_a_person_opens(history: tuple[Texts, Texts, Texts]) -> None:
    merged = merge(*map(files, history))
    for conflict in merged.conflicts:
        shown = with_markers(conflict, "old", "new")
        if conflict.yours:
            assert shown
            assert mine({"yours": conflict.yours}) <= mine({"shown": shown})


@needs("copier")
@many
@given(histories())
def test_nothing_happens_where_only_one_side_acts(history: tuple[Texts, Texts, Texts]) -> None:
    old, yours, new = map(files, history)
    assert (merge(old, yours, old).changes, merge(old, yours, old).conflicts) == ({}, [])
    alone = merge(old, old, new)
    assert (result(old, alone), alone.conflicts) == (new, [])
    same = merge(old, new, new)
    assert (same.changes, same.conflicts) == ({}, [])


@needs("copier")
@many
@given(histories(), histories())
def test_no_edit_travels_from_one_app_to_another(
    here: tuple[Texts, Texts, Texts], there: tuple[Texts, Texts, Texts]
) -> None:
    elsewhere = [{name.replace("jellyfin", "board"): file for name, file in files(side).items()} for side in there]
    both = merge(*({**files(side), **other} for side, other in zip(here, elsewhere, strict=True)))
    alone = merge(*map(files, here))
    assert {name: file for name, file in both.changes.items() if unit_of(name) == UNIT} == alone.changes
    assert [conflict for conflict in both.conflicts if unit_of(conflict.path) == UNIT] == alone.conflicts
