"""What a repository can be like when an update meets it: changes that are in no commit, and whatever git is told.

`REFUSED` is what a person has to do something about first, with the words that say so; `KEPT` is what an update gets
along with.
"""

import os
from pathlib import Path
from typing import NamedTuple

from tests.support.edits import BASE, both, copy, line, link, mode, remove, rename, rewrite, without, write
from tests.support.render import git
from tests.support.small import Small, commit
from tests.support.table import FILE, Change

APP, NAMESPACE = "kubernetes/apps/media/films", "kubernetes/apps/media"
ANSWERS = ".copier-answers.yml"
# Where the template adds files: beside others, in a new folder, and of a name that git ignores.
NEW_FILE, IN_A_NEW_FOLDER, IGNORED = "files/new.yaml", "files/deep/theirs.yaml", "files/theirs.ignored"
EDITED, DELETED, INNER, SCRIPT, OTHER = (
    "files/app.yaml", "files/notes.md", "files/sub/inner.yaml", "files/run.sh", "files/list.yaml"
)  # fmt: skip
EMPTY = "files/empty.txt"


class State(NamedTuple):
    """What is so before an update, and the words with which it is refused; none when it goes on."""

    says: str
    mine: Change
    refusal: str = ""


def first(small: Small) -> None:
    """Write the template's first version."""
    for name, content in BASE.items():
        small.put(f"template/files/{name}", content, 0o755 if name == "run.sh" else 0o644)
    small.put("generators/app/ks.yaml", BASE[FILE])
    small.put("generators/namespace/namespace.yaml", BASE[FILE])


def second(small: Small) -> None:
    """Change the template in every way."""
    template = small.template / "template"
    line("interval: 1h", "interval: 2h", EDITED)(template)
    line("outer: 3", "outer: 4", INNER)(template)
    line("echo two", "echo three", SCRIPT)(template)
    remove(DELETED)(template)
    write(EMPTY, "not empty any more\n")(template)
    for name in (NEW_FILE, IN_A_NEW_FOLDER, IGNORED):
        write(name, "template: true\n")(template)
    for generator, name in (("app", "ks.yaml"), ("namespace", "namespace.yaml")):
        line("interval: 1h", "interval: 2h", name)(small.template / "generators" / generator)


# --- What a person does ---


def does(*words: str) -> Change:
    """Run git."""

    def do(root: Path) -> None:
        git(root, *words)

    return do


def committed(*changes: Change) -> Change:
    """Do something, and commit it."""
    return both(*changes, commit)


def at(folder: str, change: Change) -> Change:
    """Do something in a folder."""
    return lambda root: change(root / folder)


def folders(name: str) -> Change:
    """Make folders with nothing in them."""
    return lambda root: (root / name).mkdir(parents=True)


def unlinked(name: str) -> Change:
    return lambda root: (root / name).unlink()


def a_repository(name: str, *files: str) -> Change:
    """Make a repository of its own in a folder."""

    def do(root: Path) -> None:
        for file in files or ("mine.yaml",):
            write(f"{name}/{file}")(root)
        commit(root / name)

    return do


def a_submodule(name: str) -> Change:
    """Add a repository as a submodule, and commit that."""

    def do(root: Path) -> None:
        source = root.parent / "other"
        if not source.exists():
            a_repository("other")(root.parent)
        git(root, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(source), name)
        commit(root)

    return do


def an_open_conflict(root: Path) -> None:
    """Begin a merge that git can't do alone."""
    git(root, "switch", "--quiet", "--create", "other")
    committed(line("port: 8080", "port: 1", EDITED))(root)
    git(root, "switch", "--quiet", "main")
    committed(line("port: 8080", "port: 2", EDITED))(root)
    try:
        git(root, "merge", "other")
    except Exception:
        return
    raise AssertionError("no conflict")


UNSAVED = "has changes that are not committed"
IN_THE_WAY = "is in the way"
HIDDEN = "has changes that git was told not to see"
MINE = line("port: 8080", "port: 9090", EDITED)

REFUSED = (
    State("a file is edited", MINE, f"{EDITED} {UNSAVED}"),
    State("a file is edited that the template leaves alone", line("kind: Second", "kind: 2", OTHER), UNSAVED),
    State("an edit is staged", both(MINE, does("add", EDITED)), UNSAVED),
    State("an edit is staged and edited on", both(MINE, does("add", EDITED), line("cpu: 10m", "cpu: 1m", EDITED)),
          UNSAVED),
    State("an edit is staged and taken back in the work tree",
          both(MINE, does("add", EDITED), line("port: 9090", "port: 8080", EDITED)), UNSAVED),
    State("spaces are edited", line("port: 8080", "port: 8080 ", EDITED), UNSAVED),
    State("line ends are edited", rewrite(lambda data: data.replace(b"\n", b"\r\n"), EDITED), UNSAVED),
    State("a file can be run and nobody committed it", mode(0o755, EDITED), UNSAVED),
    State("a file is deleted", unlinked(EDITED), UNSAVED),
    State("a deletion is staged", does("rm", "--quiet", EDITED), UNSAVED),
    State("a file is taken out of git and stays", does("rm", "--quiet", "--cached", EDITED), UNSAVED),
    State("a new name is staged", does("mv", EDITED, "files/mine.yaml"), UNSAVED),
    State("a new name is not staged", rename(EDITED, "files/mine.yaml"), UNSAVED),
    State("a new file is staged", both(write("mine.yaml"), does("add", "mine.yaml")), UNSAVED),
    State("a new file is staged and deleted", both(write("mine.yaml"), does("add", "mine.yaml"), unlinked("mine.yaml")),
          UNSAVED),
    State("a new file is meant to be added", both(write("mine.yaml"), does("add", "--intent-to-add", "mine.yaml")),
          UNSAVED),
    State("a file that the template brings is meant to be added",
          both(write(NEW_FILE), does("add", "--intent-to-add", NEW_FILE)), UNSAVED),
    State("a file is a link", link(EDITED, "list.yaml"), UNSAVED),
    State("a file is a folder", both(unlinked(EDITED), write(f"{EDITED}/mine.yaml")), UNSAVED),
    State("a folder is a file", both(without("files/sub"), write("files/sub")), UNSAVED),
    State("a folder is a link", both(rename("files/sub", "files/mine"),
          link("files/sub", "mine")), UNSAVED),
    State("the answers are edited", at(APP, rewrite(lambda data: data + b"mine: 1\n", ANSWERS)), UNSAVED),
    State("a submodule has another commit",
          both(a_submodule("other"), at("other", both(write("more.yaml"), commit))), UNSAVED),
    State("a submodule has an edit", both(a_submodule("other"), write("other/mine.yaml", "other\n")), UNSAVED),
    State("a merge has a conflict", an_open_conflict, f"{EDITED} has a conflict"),
    State("an edit is assumed to be none", both(does("update-index", "--assume-unchanged", EDITED), MINE), HIDDEN),
    State("an edit is skipped", both(does("update-index", "--skip-worktree", EDITED), MINE), HIDDEN),
    State("an edit of what the template deletes is skipped",
          both(does("update-index", "--skip-worktree", DELETED), write(DELETED, "mine\n")), HIDDEN),
    State("a link in place of a file is skipped",
          both(does("update-index", "--skip-worktree", EDITED), link(EDITED, "list.yaml")), HIDDEN),
    State("a link that leads nowhere in place of a file is skipped",
          both(does("update-index", "--skip-worktree", EDITED), link(EDITED, "nowhere")), HIDDEN),
    State("a folder in place of a file is skipped",
          both(does("update-index", "--skip-worktree", EDITED), unlinked(EDITED), write(f"{EDITED}/mine")), IN_THE_WAY),
    State("an edit of the answers is skipped",
          both(does("update-index", "--skip-worktree", f"{APP}/{ANSWERS}"),
               at(APP, rewrite(lambda data: data + b"mine: 1\n", ANSWERS))), HIDDEN),
    State("a file of the templates name and content that git does not have", write(NEW_FILE, "template: true\n"),
          f"{NEW_FILE} {IN_THE_WAY}"),
    State("a file of the templates name that git does not have", write(NEW_FILE), IN_THE_WAY),
    State("a file of the templates name that git ignores", write(IGNORED), f"{IGNORED} {IN_THE_WAY}"),
    State("a file of the templates name that only this clone ignores",
          both(write(NEW_FILE), write(".git/info/exclude", "new.yaml\n")), IN_THE_WAY),
    State("an empty file of the templates name", write(NEW_FILE, b""), IN_THE_WAY),
    State("a link of the templates name", link(NEW_FILE, "list.yaml"), IN_THE_WAY),
    State("a link of the templates name that leads nowhere", link(NEW_FILE, "nowhere"), IN_THE_WAY),
    State("a folder of the templates name", write(f"{NEW_FILE}/mine.yaml"), IN_THE_WAY),
    State("a folder of the templates name that is committed", committed(write(f"{NEW_FILE}/mine.yaml")), IN_THE_WAY),
    State("a folder of the templates name in which git ignores everything", write(f"{NEW_FILE}/mine.ignored"),
          IN_THE_WAY),
    State("an empty folder of the templates name", folders(NEW_FILE), IN_THE_WAY),
    State("a file in place of the templates folder", write("files/deep"), IN_THE_WAY),
    State("a file in place of the templates folder that is committed", committed(write("files/deep")), IN_THE_WAY),
    State("a file in place of a folder of the template that is committed",
          committed(without("files/sub"), write("files/sub")), IN_THE_WAY),
    State("a link in place of the templates folder", both(folders("mine"), link("files/deep", "../mine")),
          "is a symbolic link"),
    State("a link in place of all files of the template",
          committed(rename("files", "mine"), link("files", "mine")), "is a symbolic link"),
    State("a repository of its own with a file of the templates name", a_repository("files/deep", "theirs.yaml"),
          IN_THE_WAY),
    State("a repository of its own in the templates folder", a_repository("files/deep"), IN_THE_WAY),
    State("a submodule in the templates folder", a_submodule("files/deep"), IN_THE_WAY),
    State("a submodule of the templates name", a_submodule(NEW_FILE), IN_THE_WAY),
    State("the answers have markers of a conflict",
          committed(at(APP, rewrite(lambda data: b"<<<<<<< mine\n" + data, ANSWERS))), "has conflict markers"),
    State("another git works on the index", write(".git/index.lock", b""), "index.lock"),
)  # fmt: skip


# --- What git is told ---


def told(key: str, value: str) -> Change:
    """Set an option of git, and let git write every file anew."""
    return both(does("config", key, value), anew)


def anew(root: Path) -> None:
    """Let git write every file of the work tree."""
    for name in git(root, "ls-files", "-z").split("\0")[:-1]:
        (root / name).unlink(missing_ok=True)
    git(root, "checkout", "--quiet", "--", ".")
    assert git(root, "status", "--porcelain") == ""


def attributes(text: str, *options: tuple[str, str]) -> Change:
    """Tell git what to make of files, commit that, and let git write every file anew."""
    settings = [does("config", key, value) for key, value in options]
    return both(*settings, write(".gitattributes", f"{text}\n"), does("add", "--renormalize", "--all"), commit, anew)


ROT13 = (("filter.secret.clean", "tr a-z n-za-m"), ("filter.secret.smudge", "tr a-z n-za-m"))


def as_worktree(root: Path) -> None:
    """Make the cluster a linked work tree."""
    main = root.rename(root.parent / "main")
    git(main, "worktree", "add", "--quiet", "-b", "linked", str(root))


def as_submodule(root: Path) -> None:
    """Make the cluster a submodule of another repository."""
    source = root.rename(root.parent / "source")
    above = root.parent / "above"
    a_repository("above")(root.parent)
    git(above, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(source), "home")
    root.symlink_to(above / "home")


def as_clone(*options: str) -> Change:
    """Make the cluster a clone of itself."""

    def do(root: Path) -> None:
        source = root.rename(root.parent / "source")
        git(root.parent, "clone", "--quiet", *options, source.as_uri(), str(root))

    return do


def elsewhere(root: Path) -> None:
    """Keep git's folder in another place."""
    git(root, "init", "--quiet", "--separate-git-dir", str(root.parent / "kept.git"))


def replaced(root: Path) -> None:
    """Let git take one blob for another."""
    one, other = (git(root, "rev-parse", f"HEAD:{name}").strip() for name in (EDITED, OTHER))
    write("mine.yaml")(root)
    commit(root)
    git(root, "replace", git(root, "rev-parse", "HEAD:mine.yaml").strip(), one)
    assert other


def in_a_merge(root: Path) -> None:
    """Begin a merge that has no conflict, and changes nothing."""
    git(root, "branch", "other")
    commit(root)
    git(root, "switch", "--quiet", "other")
    commit(root, "feat: other")
    git(root, "merge", "--quiet", "--no-ff", "--no-commit", "main")


OPTIONS = (
    ("core.autocrlf", "true"), ("core.autocrlf", "input"), ("core.eol", "crlf"), ("core.fileMode", "false"),
    ("core.ignoreCase", "true"), ("core.symlinks", "false"), ("core.precomposeUnicode", "true"),
    ("core.quotePath", "false"), ("core.splitIndex", "true"), ("core.untrackedCache", "true"),
    ("core.preloadIndex", "false"), ("core.checkStat", "minimal"), ("core.trustCtime", "false"),
    ("core.safecrlf", "true"), ("core.whitespace", "cr-at-eol"), ("core.abbrev", "4"), ("core.pager", "false"),
    ("core.hooksPath", "/nonexistent"), ("core.sharedRepository", "group"), ("core.commentChar", ";"),
    ("core.attributesFile", "/nonexistent"), ("core.excludesFile", "/nonexistent"), ("core.protectNTFS", "false"),
    ("feature.manyFiles", "true"), ("index.version", "4"), ("index.threads", "1"), ("index.sparse", "true"),
    ("color.ui", "always"), ("status.showUntrackedFiles", "no"), ("status.relativePaths", "true"),
    ("status.renames", "copies"), ("status.branch", "true"), ("status.short", "true"), ("status.showStash", "true"),
    ("status.submoduleSummary", "true"), ("diff.renames", "false"), ("diff.noprefix", "true"),
    ("diff.external", "false"), ("diff.ignoreSubmodules", "all"), ("merge.conflictStyle", "zdiff3"),
    ("merge.renames", "false"), ("log.showSignature", "true"), ("i18n.commitEncoding", "latin1"),
    ("i18n.logOutputEncoding", "latin1"), ("submodule.recurse", "true"), ("commit.gpgSign", "true"),
    ("gc.auto", "1"), ("user.useConfigOnly", "true"), ("safe.bareRepository", "explicit"), ("checkout.workers", "4"),
)  # fmt: skip

KEPT = (
    State("a folder in place of what the template deletes is skipped",
          both(does("update-index", "--skip-worktree", DELETED), unlinked(DELETED), write(f"{DELETED}/mine"))),
    State("a link in place of a folder of the template that is committed",
          committed(rename("files/sub", "files/mine"), link("files/sub", "mine"))),
    *(State(f"git has {key} {value}", told(key, value)) for key, value in OPTIONS),
    State("git turns all line ends", attributes("* text eol=crlf")),
    State("git turns the line ends of some files", attributes("*.yaml text eol=crlf\n*.md -text")),
    State("git finds out what is text", attributes("* text=auto", ("core.eol", "crlf"))),
    State("git has a filter", attributes("files/** filter=secret", *ROT13)),
    State("git has a filter for the answers", attributes(f"{ANSWERS} filter=secret", *ROT13)),
    State("git has a filter that nobody set up", attributes("files/** filter=unknown")),
    State("git has a filter that is required", attributes("files/** filter=secret", *ROT13,
          ("filter.secret.required", "true"))),
    State("git has another encoding in the work tree",
          attributes(f"{NEW_FILE} {OTHER} {EMPTY} text working-tree-encoding=UTF-16")),
    State("git fills in ids", attributes("files/** ident")),
    State("git takes all for binary", attributes("* binary")),
    State("git merges by itself", attributes("* merge=union")),
    State("git merges nothing", attributes("* -merge")),
    State("git exports less", attributes("files/** export-ignore export-subst")),
    State("a cone is checked out", does("sparse-checkout", "set", "kubernetes")),
    State("a pattern is checked out", does("sparse-checkout", "set", "--no-cone", "/*", "!/files/")),
    State("it is a linked work tree", as_worktree),
    State("it is a submodule", as_submodule),
    State("it is a shallow clone", as_clone("--depth=1")),
    State("it is a clone that shares objects", as_clone("--shared")),
    State("it is a clone without blobs", both(does("config", "uploadpack.allowFilter", "true"),
          as_clone("--filter=blob:none"))),
    State("git keeps its folder elsewhere", elsewhere),
    State("git takes one blob for another", replaced),
    State("head is detached", does("checkout", "--quiet", "--detach")),
    State("a merge has no conflict", in_a_merge),
    State("something is stashed", both(MINE, does("stash", "--quiet"))),
    State("a bisection is going on", does("bisect", "start")),
    State("hooks do not let anything pass", write(".git/hooks/post-checkout", "#!/bin/sh\nexit 1\n", 0o755)),
    State("a hook watches the index", write(".git/hooks/post-index-change", "#!/bin/sh\nexit 1\n", 0o755)),
    State("a file is not in git", write("mine.yaml")),
    State("a file beside the templates is not in git", write("files/deep/mine.yaml")),
    State("a file is not in git in a folder that the template empties", write("files/mine.yaml")),
    State("git ignores a file", write("files/mine.ignored")),
    State("git ignores a folder", write("files/mine.ignored/deep/mine.yaml")),
    State("a link is not in git", link("files/mine.yaml", EDITED)),
    State("a link to a folder is not in git", link("files/mine", "sub")),
    State("a folder is empty", folders("files/mine/deep")),
    State("the templates new folder is there and empty", folders("files/deep")),
    State("a repository of its own is beside", a_repository("mine")),
    State("a submodule is beside", a_submodule("other")),
    State("a submodule is not checked out", both(a_submodule("other"), does("submodule", "deinit", "-f", "other"))),
    State("a submodule has a file of its own that git does not know",
          both(a_submodule("other"), write("other/more.yaml"))),
    State("a file is private", mode(0o600, EDITED)),
    State("a file is readonly", mode(0o444, EDITED)),
    State("a file is everybodys", mode(0o666, EDITED)),
    State("a script is private", mode(0o700, SCRIPT)),
    State("a file can be run and git was told not to look",
          both(does("config", "core.fileMode", "false"), mode(0o755, EDITED))),
    State("a folder is private", mode(0o700, "files/sub")),
    State("a file has two names", lambda root: os.link(root / EDITED, root / "files/mine.yaml")),
    State("a file is assumed to be as it is", does("update-index", "--assume-unchanged", EDITED)),
    State("a file is skipped as it is", does("update-index", "--skip-worktree", EDITED)),
    State("a file that the template deletes is skipped", does("update-index", "--skip-worktree", DELETED)),
    State("a file that the template leaves alone is skipped and edited",
          both(does("update-index", "--skip-worktree", OTHER), line("kind: Second", "kind: 2", OTHER))),
    State("a file that is skipped is deleted", both(does("update-index", "--skip-worktree", EDITED), unlinked(EDITED))),
    State("an app has another line", committed(at(APP, line("port: 8080", "port: 9090", "ks.yaml")))),
    State("an app has another file", committed(at(APP, write("mine.yaml")))),
    State("an app is in another folder", committed(rename(f"{APP}/ks.yaml", "kubernetes/apps/home/films/ks.yaml"),
          rename(f"{APP}/{ANSWERS}", f"kubernetes/apps/home/films/{ANSWERS}"))),
    State("an app is gone", committed(without(APP))),
    State("an app follows nothing any more", committed(unlinked(f"{APP}/{ANSWERS}"))),
    State("an app is copied with its answers", committed(copy(f"{APP}/ks.yaml", "kubernetes/apps/home/mine/ks.yaml"),
          copy(f"{APP}/{ANSWERS}", f"kubernetes/apps/home/mine/{ANSWERS}"))),
    State("a namespace has another line", committed(at(NAMESPACE, line("port: 8080", "port: 9090", "namespace.yaml")))),
    State("a namespace has no file any more", committed(unlinked(f"{NAMESPACE}/namespace.yaml"))),
    State("the answers have a comment above", committed(at(APP, rewrite(lambda data: b"# Mine.\n" + data, ANSWERS)))),
    State("the answers have a comment above the version",
          committed(at(APP, line("_commit: v900.0.0", "# Mine.\n_commit: v900.0.0", ANSWERS)))),
    State("the answers have a comment below the address",
          committed(at(APP, line("generator: app", "# Mine.\ngenerator: app", ANSWERS)))),
    State("the answers have a key of ones own", committed(at(APP, rewrite(lambda data: data + b"mine: 1\n", ANSWERS)))),
    State("the answers are in another order",
          committed(at(APP, rewrite(lambda data: b"".join(sorted(data.splitlines(True), reverse=True)), ANSWERS)))),
    State("the answers are quoted", committed(at(APP, line("generator: app", 'generator: "app"', ANSWERS)))),
    State("the answers have line ends of windows",
          committed(at(APP, rewrite(lambda data: data.replace(b"\n", b"\r\n"), ANSWERS)))),
    State("the answers have a byte order mark",
          committed(at(APP, rewrite(lambda data: b"\xef\xbb\xbf" + data, ANSWERS)))),
    State("the answers have no newline at the end",
          committed(at(APP, rewrite(lambda data: data.rstrip(b"\n"), ANSWERS)))),
    State("the answers begin as a document", committed(at(APP, rewrite(lambda data: b"---\n" + data, ANSWERS)))),
    State("the file that the template deletes is edited", committed(write(DELETED, "mine\n"))),
    State("the file that the template fills is deleted", committed(unlinked(EMPTY))),
    State("everything of the template is deleted", committed(without("files"))),
    State("everything of the template is elsewhere", committed(rename("files", "mine"))),
)  # fmt: skip
