"""What a person does to the files of a cluster before an update, each kind in a folder of its own.

A kind says what the person did, what the template does, and what becomes of both: `BOTH` changes are there, or git
shows a `CONFLICT` with the person's version in the work tree.
"""

import re
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.table import FILE, TEXT, Change, both, delete, edit, move, reformat, split

Files = dict[str, tuple[int, bytes]]
BOTH, CONFLICT = "both", "conflict"
LIST, SCRIPT, IMAGE, EMPTY, NOTES, INNER = "list.yaml", "run.sh", "logo.png", "empty.txt", "notes.md", "sub/inner.yaml"
BASE: dict[str, bytes] = {
    FILE: TEXT.encode(),
    LIST: b"""\
# What is installed.
items:
  - alpha # first
  - bravo
  - charlie
  - delta

# For all of them.
defaults: &defaults
  retries: 3
  labels:
    team: home
other:
  <<: *defaults
  name: other
---
kind: Second
value: 1
""",
    SCRIPT: b"#!/bin/sh\nset -eu\n\necho one\n\necho two\n",
    IMAGE: b"\x89PNG\0\xff one",
    EMPTY: b"",
    NOTES: b"# One\n\nA sentence.\n\n# Two\n\nAnother sentence.\n\n# Three\n\nThe last sentence.\n",
    INNER: b"inner: 1\nmiddle: 2\nouter: 3\n",
}


class Kind(NamedTuple):
    """A kind of edit: what the person and the template do to the folder, and the outcome."""

    says: str
    mine: Change
    theirs: Change
    outcome: str = BOTH

    @property
    def folder(self) -> str:
        return re.sub(r"\W+", "-", self.says)


def nothing(folder: Path) -> None:
    """Leave everything as it is."""


def rewrite(change: Callable[[bytes], bytes], name: str = FILE) -> Change:
    """Replace the bytes of a file."""

    def do(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return do


def write(name: str, content: bytes | str = b"mine: true\n", mode: int = 0o644) -> Change:
    """Write a file, and the folders above it."""

    def do(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(mode)

    return do


def line(old: str, new: str, name: str = FILE) -> Change:
    """Replace a line by one or more."""
    return edit(f"{old}\n", new and f"{new}\n", name)


def remove(*names: str) -> Change:
    """Delete files."""

    def do(folder: Path) -> None:
        for name in names:
            (folder / name).unlink()

    return do


def rename(old: str, new: str) -> Change:
    """Move a file, also out of its folder."""

    def do(folder: Path) -> None:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)

    return do


def copy(old: str, new: str) -> Change:
    """Copy a file."""
    return lambda folder: write(new, (folder / old).read_bytes())(folder)


def mode(bits: int, name: str = FILE) -> Change:
    """Change what may be done with a file."""
    return lambda folder: (folder / name).chmod(bits)


def link(name: str, target: str) -> Change:
    """Put a symbolic link in the place of whatever is there."""

    def do(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target)

    return do


def swap(one: str, other: str) -> Change:
    """Give two files each other's names."""
    return both(rename(one, "between"), rename(other, one), rename("between", other))


def without(folder: str) -> Change:
    """Delete a folder."""
    return lambda base: shutil.rmtree(base / folder)


def lines(change: Callable[[list[bytes]], list[bytes]], name: str = FILE) -> Change:
    """Change the lines of a file as a list."""
    return rewrite(lambda data: b"".join(change(data.splitlines(keepends=True))), name)


# What the template does to the file: at its top, in its middle, at its end.
TOP = line("name: app", "name: application")
MIDDLE = line("tag: 1.0.0", "tag: 1.0.5")
END = line("interval: 1h", "interval: 2h")
MORE = write("theirs.yaml", "template: true\n")
LISTED = line("  - delta", "  - delta\n  - echo", LIST)
NEW = "new.yaml"
ADDS = write(NEW, "one: 1\ntwo: 2\n")

CONTENT = (
    Kind("the first line is another", line("name: app", "name: mine"), END),
    Kind("a line in the middle is another", line("port: 8080", "port: 9090"), END),
    Kind("the last line is another", line("interval: 1h", "interval: 7h"), TOP),
    Kind("a line is added at the top", rewrite(lambda data: b"# Mine.\n" + data), END),
    Kind("a line is added above the templates first", rewrite(lambda data: b"# Mine.\n" + data), TOP, CONFLICT),
    Kind("lines are added in the middle", line("port: 8080", "port: 8080\nmine: 1\nalso: 2"), END),
    Kind("a line is added at the end", rewrite(lambda data: data + b"mine: 1\n"), TOP),
    Kind("a line is added below the templates last", rewrite(lambda data: data + b"mine: 1\n"), END, CONFLICT),
    Kind("both change the same line", line("tag: 1.0.0", "tag: 1.1.0"), MIDDLE, CONFLICT),
    Kind("both change the same line to the same", MIDDLE, MIDDLE),
    Kind("both change the same line to the same and others", both(MIDDLE, TOP), both(MIDDLE, END)),
    Kind("the next line is another", line("cpu: 10m", "cpu: 20m"), MIDDLE, CONFLICT),
    Kind("the line before is another", line("probe: /healthz", "probe: /ready"), MIDDLE, CONFLICT),
    Kind("the line after the next is another", line("memory: 128Mi", "memory: 256Mi"), MIDDLE),
    Kind("a line is deleted", line("port: 8080", ""), END),
    Kind("the line that the template changes is deleted", line("tag: 1.0.0", ""), MIDDLE, CONFLICT),
    Kind("a line that the template deletes is another", MIDDLE, line("tag: 1.0.0", ""), CONFLICT),
    Kind("both delete the same line", line("tag: 1.0.0", ""), both(line("tag: 1.0.0", ""), END)),
    Kind("half of the file is deleted", lines(lambda text: text[:6]), TOP),
    Kind("everything in the file is deleted", write(FILE, b""), MIDDLE, CONFLICT),
    Kind("everything is deleted and so is the file", write(FILE, b""), delete, CONFLICT),
    Kind("everything is another", write(FILE, "nothing: of\nthe: old\n"), MIDDLE, CONFLICT),
    Kind("two lines change places", lines(lambda text: [text[1], text[0], *text[2:]]), END),
    Kind("a block moves", lines(lambda text: [*text[:2], *text[5:8], *text[2:5], *text[8:]]), END),
    Kind("a block moves with the line that the template changes",
         lines(lambda text: [*text[:2], *text[6:9], *text[2:6], *text[9:]]), MIDDLE, CONFLICT),
    Kind("a block is there twice", lines(lambda text: [*text[:4], *text[2:4], *text[4:]]), END),
    Kind("all lines are sorted", lines(sorted), MIDDLE, CONFLICT),
    Kind("all lines are indented", lines(lambda text: [b"  " + each for each in text]), MIDDLE, CONFLICT),
    Kind("all values are quoted", reformat, MIDDLE, CONFLICT),
    Kind("a comment is added to another line", line("port: 8080", "port: 8080 # mine"), END),
    Kind("a comment is added to the same line", line("tag: 1.0.0", "tag: 1.0.0 # mine"), MIDDLE, CONFLICT),
    Kind("the template adds a comment to the same line", MIDDLE, line("tag: 1.0.0", "tag: 1.0.0 # new"), CONFLICT),
    Kind("a line is a comment now", line("port: 8080", "# port: 8080"), END),
    Kind("what looks like a conflict is text", line("port: 8080", "port: 8080\n<<<<<<< mine\n=======\n>>>>>>> yours"),
         END),
    Kind("a line reads as jinja", line("port: 8080", "port: '{{ port }} {% raw %} {# no #}'"), END),
    Kind("a line reads as a variable of flux", line("port: 8080", "port: ${PORT:=1} $${A} $"), END),
)  # fmt: skip

BYTES = (
    Kind("spaces at the end of another line", line("port: 8080", "port: 8080   "), END),
    Kind("spaces at the end of the same line", line("tag: 1.0.0", "tag: 1.0.0  "), MIDDLE, CONFLICT),
    Kind("a tab in another line", line("port: 8080", "port:\t8080"), END),
    Kind("empty lines between", line("port: 8080", "\n\nport: 8080\n\n"), END),
    Kind("empty lines at the end", rewrite(lambda data: data + b"\n\n\n"), TOP),
    Kind("empty lines at the end in place of the newline", rewrite(lambda data: data + b"\n\n"), END, CONFLICT),
    Kind("line ends of windows", rewrite(lambda data: data.replace(b"\n", b"\r\n")), MIDDLE, CONFLICT),
    Kind("a line end of windows in one line", line("port: 8080", "port: 8080\r"), END),
    Kind("line ends of old macs", rewrite(lambda data: data.replace(b"\n", b"\r")), MIDDLE, CONFLICT),
    Kind("the template turns to line ends of windows", MIDDLE, rewrite(lambda data: data.replace(b"\n", b"\r\n")),
         CONFLICT),
    Kind("no newline at the end", rewrite(lambda data: data.rstrip(b"\n")), TOP),
    Kind("no newline at the end of what the template changes", rewrite(lambda data: data.rstrip(b"\n")), END, CONFLICT),
    Kind("the template takes the newline at the end away", TOP, rewrite(lambda data: data.rstrip(b"\n"))),
    Kind("a byte order mark", rewrite(lambda data: b"\xef\xbb\xbf" + data), END),
    Kind("a byte order mark in the same line", rewrite(lambda data: b"\xef\xbb\xbf" + data), TOP, CONFLICT),
    Kind("a comment that is not utf-8", rewrite(lambda data: data.replace(b"8080", b"8080 # caf\xe9")), END),
    Kind("a line that is not utf-8 where the template changes it",
         rewrite(lambda data: data.replace(b"1.0.0", b"1.0.0 # caf\xe9")), MIDDLE, CONFLICT),
    Kind("the whole file in utf-16", rewrite(lambda data: data.decode().encode("utf-16")), MIDDLE, CONFLICT),
    Kind("a nul byte", rewrite(lambda data: data.replace(b"8080", b"80\x0080")), END, CONFLICT),
    Kind("text that is composed", line("port: 8080", f"port: {unicodedata.normalize('NFC', 'é')}"), END),
    Kind("text that is decomposed", line("port: 8080", f"port: {unicodedata.normalize('NFD', 'é')}"), END),
    Kind("both write the same text in another normal form",
         line("tag: 1.0.0", f"tag: {unicodedata.normalize('NFD', 'é')}"),
         line("tag: 1.0.0", f"tag: {unicodedata.normalize('NFC', 'é')}"), CONFLICT),
    Kind("line breaks of unicode", line("port: 8080", "port: a\u2028b\u2029c\u0085d"), END),
    Kind("right to left and emoji", line("port: 8080", "port: \u202eabc\u202c \U0001f469\u200d\U0001f680"), END),
    Kind("escapes of a terminal", line("port: 8080", "port: \x1b[2J\x07"), END),
    Kind("a form feed", line("port: 8080", "port: 8080\x0c"), END),
    Kind("a line of a megabyte", line("port: 8080", "port: " + "x" * 2**20), END),
    Kind("fifty thousand lines more", rewrite(lambda data: data + b"".join(b"- %d\n" % n for n in range(50_000))), TOP),
    Kind("an empty file gets content", write(EMPTY, "mine\n"), MORE),
    Kind("an empty file gets content from both", write(EMPTY, "mine\n"), write(EMPTY, "template\n"), CONFLICT),
    Kind("an empty file gets content and the template deletes it", write(EMPTY, "mine\n"), remove(EMPTY), CONFLICT),
    Kind("an empty file is deleted and the template fills it", remove(EMPTY), write(EMPTY, "template\n"), CONFLICT),
    Kind("a picture is another", write(IMAGE, b"\x89PNG\0\xff mine"), MORE),
    Kind("a picture is another for both", write(IMAGE, b"\x89PNG\0\xff mine"), write(IMAGE, b"\x89PNG\0\xff theirs"),
         CONFLICT),
    Kind("a picture is the same new one for both", write(IMAGE, b"\x89PNG\0\xff 2"), write(IMAGE, b"\x89PNG\0\xff 2")),
    Kind("a picture is text now", write(IMAGE, "no picture\n"), write(IMAGE, b"\x89PNG\0\xff theirs"), CONFLICT),
    Kind("a text is a picture now", write(FILE, BASE[IMAGE]), MIDDLE, CONFLICT),
    Kind("the template makes a picture of a text", MIDDLE, write(FILE, b"\x89PNG\0"), CONFLICT),
    Kind("the template empties the file", MIDDLE, write(FILE, b""), CONFLICT),
)  # fmt: skip

YAML = (
    Kind("an item at the top of a list that gets one at its end",
         line("  - alpha # first", "  - mine\n  - alpha # first", LIST), LISTED),
    Kind("an item at the end where the template adds one", line("  - delta", "  - delta\n  - mine", LIST), LISTED,
         CONFLICT),
    Kind("an item in the middle where the template adds one", line("  - bravo", "  - bravo\n  - mine", LIST),
         line("  - bravo", "  - bravo\n  - theirs", LIST), CONFLICT),
    Kind("the same item as the template", LISTED, LISTED),
    Kind("an item is gone", line("  - bravo", "", LIST), LISTED),
    Kind("an item is gone that the template changes", line("  - bravo", "", LIST), line("  - bravo", "  - beta", LIST),
         CONFLICT),
    Kind("an item is a comment", line("  - bravo", "  # - bravo", LIST), LISTED),
    Kind("a comment of an item is another", line("  - alpha # first", "  - alpha # mine", LIST), LISTED),
    Kind("a comment above a list is another", line("# What is installed.", "# What I need.", LIST), LISTED),
    Kind("items are sorted the other way", edit("  - bravo\n  - charlie\n", "  - charlie\n  - bravo\n", LIST),
         LISTED),
    Kind("a list is in one line",
         edit("\n  - alpha # first\n  - bravo\n  - charlie\n  - delta\n", " [alpha, bravo, charlie, delta]\n", LIST),
         LISTED, CONFLICT),
    Kind("keys of a map are in another order",
         edit("  retries: 3\n  labels:\n    team: home\n", "  labels:\n    team: home\n  retries: 3\n", LIST), LISTED),
    Kind("keys are in another order where the template changes one",
         edit("  retries: 3\n  labels:\n    team: home\n", "  labels:\n    team: home\n  retries: 3\n", LIST),
         line("  retries: 3", "  retries: 4", LIST), CONFLICT),
    Kind("an anchor has another name",
         both(edit("&defaults", "&mine", LIST), edit("*defaults", "*mine", LIST)), line("value: 1", "value: 2", LIST)),
    Kind("an anchors value is another", line("  retries: 3", "  retries: 7", LIST),
         line("  name: other", "  name: another", LIST)),
    Kind("an alias is written out", line("  <<: *defaults", "  retries: 3", LIST), LISTED),
    Kind("a value beside the templates", line("kind: Second", "kind: Mine", LIST), line("value: 1", "value: 2", LIST),
         CONFLICT),
    Kind("a document more", rewrite(lambda data: data + b"---\nkind: Third\n", LIST), LISTED),
    Kind("a document more below the templates change", rewrite(lambda data: data + b"---\nkind: Third\n", LIST),
         line("value: 1", "value: 2", LIST), CONFLICT),
    Kind("a document less", edit("---\nkind: Second\nvalue: 1\n", "", LIST), LISTED),
    Kind("a document less that the template changes", edit("---\nkind: Second\nvalue: 1\n", "", LIST),
         line("value: 1", "value: 2", LIST), CONFLICT),
    Kind("documents begin and end otherwise", line("---", "...\n--- # mine", LIST), LISTED),
    Kind("a text of several lines", line("    team: home", "    team: home\n    text: |\n\n      a\n\n      b", LIST),
         LISTED),
    Kind("a value has a tag", line("  retries: 3", "  retries: !!str 3", LIST), LISTED),
    Kind("what is no yaml any more", line("  retries: 3", "  retries: [", LIST), LISTED),
)  # fmt: skip

NAMES = (
    Kind("a file is deleted", remove(NOTES), MIDDLE),
    Kind("a file is deleted that the template edits", delete, MIDDLE, CONFLICT),
    Kind("a file is deleted by both", delete, delete),
    Kind("a file is deleted that the template moves", delete, move("moved.yaml")),
    Kind("a file is deleted that the template moves and edits", delete, both(MIDDLE, move("moved.yaml"))),
    Kind("a folder is deleted", without("sub"), MIDDLE),
    Kind("everything is deleted", without("."), MORE),
    Kind("a file has another name", move("mine.yaml"), MIDDLE),
    Kind("a file has another name and another line", both(TOP, move("mine.yaml")), END),
    Kind("a file has another name and the same line", both(line("tag: 1.0.0", "tag: 1.1.0"), move("mine.yaml")), MIDDLE,
         CONFLICT),
    Kind("a file has another name and the template deletes it", move("mine.yaml"), delete),
    Kind("a file has another name and line and the template deletes it", both(TOP, move("mine.yaml")), delete),
    Kind("a file has another name for both", move("mine.yaml"), move("theirs.yaml")),
    Kind("a file has the same new name for both", both(TOP, move("same.yaml")), both(END, move("same.yaml")),
         CONFLICT),
    Kind("a file is moved into a folder", move("deep/app.yaml"), MIDDLE),
    Kind("a file is moved out to another unit", rename(FILE, "../elsewhere/app.yaml"), MIDDLE, CONFLICT),
    Kind("a folder has another name", rename("sub", "mine"),
         line("outer: 3", "outer: 4", INNER)),
    Kind("a folder has another name and the template adds to it",
         rename("sub", "mine"), write("sub/more.yaml", "more: 1\n")),
    Kind("a name differs only in its case", move("App.yaml"), MIDDLE),
    Kind("a name with spaces", move("my  app .yaml"), MIDDLE),
    Kind("a name with a line break", move("my\napp.yaml"), MIDDLE),
    Kind("a name with quotes", move("my \"app's\"\\.yaml"), MIDDLE),
    Kind("a name that begins like an option", move("--force"), MIDDLE),
    Kind("a name with wildcards", move("[a]*?.yaml"), MIDDLE),
    Kind("a name that is composed", move(unicodedata.normalize("NFC", "é.yaml")), MIDDLE),
    Kind("a name that is decomposed", move(unicodedata.normalize("NFD", "é.yaml")), MIDDLE),
    Kind("a name that is not utf-8", move("caf\udce9.yaml"), MIDDLE),
    Kind("a name with escapes of a terminal", move("a\x1b[2J.yaml"), MIDDLE),
    Kind("a name as long as can be", move("x" * 200 + ".yaml"), MIDDLE),
    Kind("a name of copiers", move("app.yaml.jinja"), MIDDLE),
    Kind("a name of an answers file that is none", write(".copier-answers.yml.mine"), MIDDLE),
    Kind("two files have each others names", swap(FILE, NOTES), line("Another sentence.", "A new sentence.", NOTES),
         CONFLICT),
    Kind("a copy of the file", copy(FILE, "copy.yaml"), MIDDLE),
    Kind("a copy of the file that the template deletes", copy(FILE, "copy.yaml"), delete),
    Kind("a copy in the templates new folder", copy(FILE, "deep/app.yaml"), write("deep/theirs.yaml", "template: 1\n")),
    Kind("a part of the file is one of its own",
         both(lines(lambda text: text[:7]), write("how.yaml", "".join(TEXT.splitlines(keepends=True)[7:]))), TOP),
    Kind("both split the file", split, split),
    Kind("the template splits what is edited", TOP, split, CONFLICT),
    Kind("the template moves what is edited", TOP, move("moved.yaml")),
    Kind("the template moves and edits what is edited", TOP, both(END, move("moved.yaml"))),
    Kind("the template moves into a folder what is edited", TOP, move("deep/app.yaml")),
    Kind("the template moves what is edited onto a file of ones own", both(TOP, write("moved.yaml", "mine: 1\n")),
         move("moved.yaml"), CONFLICT),
    Kind("the template deletes what is edited", MIDDLE, delete, CONFLICT),
    Kind("the template deletes the file beside what is edited", MIDDLE, remove(NOTES)),
    Kind("the template deletes the folder of what is edited", line("inner: 1", "inner: 7", INNER), without("sub"),
         CONFLICT),
    Kind("the template deletes the folder of what is added", write("sub/mine.yaml"), without("sub")),
    Kind("the template swaps the names of two files", TOP, swap(FILE, NOTES), CONFLICT),
    Kind("the template changes the case of a name", TOP, move("App.yaml")),
    Kind("the template makes one file of two", line("inner: 1", "inner: 7", INNER),
         both(remove(INNER), rewrite(lambda data: data + BASE[INNER])), CONFLICT),
)  # fmt: skip

ADDED = (
    Kind("a file that the template adds too with the same content", ADDS, ADDS),
    Kind("a file that the template adds too with other content", write(NEW, "one: 7\n"), ADDS, CONFLICT),
    Kind("a file that the template adds too with more content", write(NEW, "one: 1\ntwo: 2\nthree: 3\n"), ADDS,
         CONFLICT),
    Kind("a file that the template adds too with other line ends", write(NEW, "one: 1\r\ntwo: 2\r\n"), ADDS, CONFLICT),
    Kind("an empty file that the template adds too", write(NEW, b""), ADDS),
    Kind("a picture that the template adds as text", write(NEW, b"\0\xff"), ADDS, CONFLICT),
    Kind("a link that the template adds as a file", link(NEW, FILE), ADDS, CONFLICT),
    Kind("a file that the template adds with another case", write("NEW.yaml", "one: 7\n"), ADDS),
    Kind("a file beside one that the template adds", write("mine.yaml"), ADDS),
    Kind("a file in a folder that the template adds to", write("sub/mine.yaml"), write("sub/theirs.yaml", "one: 1\n")),
    Kind("a file in a new folder that the template adds too", write("deep/mine.yaml"), write("deep/one.yaml", "1\n")),
    Kind("a gitkeep in an empty folder", write("empty/.gitkeep", b""), ADDS),
    Kind("a hidden file", write(".mine"), ADDS),
    Kind("attributes of the folder", write(".gitattributes", "*.yaml -diff\n"), ADDS),
    Kind("a file that git ignores and that is in git all the same", write("kept.ignored"), ADDS),
    Kind("a script that can be run", write("mine.sh", "#!/bin/sh\n", 0o755), ADDS),
    Kind("a link to a file", link("mine.yaml", FILE), MIDDLE),
    Kind("a link to a folder", link("mine", "sub"), line("inner: 1", "inner: 2", INNER)),
    Kind("a link that leads nowhere", link("mine.yaml", "nowhere"), MIDDLE),
    Kind("a link that leads outside", link("mine.yaml", "/etc/hostname"), MIDDLE),
    Kind("a link to what the template deletes", link("mine.yaml", FILE), delete),
    Kind("a file of a megabyte", write("mine.bin", bytes(range(256)) * 4096), MIDDLE),
)  # fmt: skip

MODES = (
    Kind("a file can be run", mode(0o755), MIDDLE),
    Kind("a file can be run that the template leaves alone", mode(0o755), MORE),
    Kind("a file can be run that the template deletes", mode(0o755), delete, CONFLICT),
    Kind("a file can be run that the template moves", mode(0o755), move("moved.yaml")),
    Kind("a script can not be run any more", mode(0o644, SCRIPT), line("echo two", "echo three", SCRIPT)),
    Kind("the template lets a file be run", TOP, mode(0o755)),
    Kind("the template lets a script not be run any more", line("echo one", "echo mine", SCRIPT), mode(0o644, SCRIPT)),
    Kind("both let a file be run", mode(0o755), mode(0o755)),
    Kind("a file is a link to another", link(FILE, LIST), MIDDLE, CONFLICT),
    Kind("a file is a link that leads nowhere", link(FILE, "nowhere"), MIDDLE, CONFLICT),
    Kind("a file is a link to itself under another name", both(move("mine.yaml"), link(FILE, "mine.yaml")), MIDDLE,
         CONFLICT),
    Kind("a file is a link that the template deletes", link(FILE, LIST), delete, CONFLICT),
    Kind("a file is a link that the template leaves alone", link(FILE, LIST), MORE),
    Kind("a file is a folder that the template leaves alone", both(delete, write("app.yaml/mine.yaml")), MORE),
    Kind("a file is a folder that the template deletes", both(delete, write("app.yaml/mine.yaml")), delete),
    Kind("a folder is a file that the template leaves alone", both(without("sub"), write("sub")), MORE),
    Kind("a folder is a file that the template deletes", both(without("sub"), write("sub")), without("sub")),
    Kind("a folder is a link that the template leaves alone",
         both(rename("sub", "mine"), link("sub", "mine")), MORE),
)  # fmt: skip

KINDS = (*CONTENT, *BYTES, *YAML, *NAMES, *ADDED, *MODES)


# --- What became of it ---


def lines_of(content: bytes) -> set[bytes]:
    """Return the lines; a newline that is missing at the end is a difference."""
    return set(re.split(rb"(?<=\n)", content))


def added(before: Files, after: Files) -> set[bytes]:
    """Return the lines that are in one and not in the other."""
    old = set().union(*(lines_of(content) for _, content in before.values()))
    return set().union(*(lines_of(content) for _, content in after.values())) - old


def written(before: Files, after: Files) -> set[bytes]:
    """Return the lines that are in one and not in the other, whatever ends them."""
    old = {line.rstrip(b"\r\n") for _, content in before.values() for line in lines_of(content)}
    return {line.rstrip(b"\r\n") for line in added(before, after)} - old


def text_of(files: Files) -> bytes:
    """Return all contents, to look for lines in."""
    return b"\n".join(content for _, content in files.values())
