"""Versions of a template that mean harm: what they would write, read or run, each as a change of a good template."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.support.small import put

HOSTILE_PATHS = (
    ".git/hooks/pre-commit", ".GIT/config", ".Git/x", "a/.git/config", "a/.git", ".git ", ".git.", ".git. ./x",
    ".git::$INDEX_ALLOCATION/x", "git~1/config", "GIT~1/x", ".g\u200cit/config", "\ufeff.git/config", ".gi\u206ft/x",
    "../x", "a/../../x", "/etc/x", "//etc/x", "a/../.git/config", "./../x", "..",
    ".copier-update.unfinished/x", ".talos-flux-x.unfinished/steps", "a/.TALOS-FLUX-x.unfinished/steps",
)  # fmt: skip
HOSTILE_TEXTS = (
    "{{ '$UPDATE_TOKEN' | expandvars }}", "{{ '~' | expanduser }}", "{{ '/etc/*' | fileglob }}",
    "{% include '/etc/hostname' %}", "{% include '../../../../etc/hostname' %}", "{% import '/etc/hostname' as x %}",
    "{% extends '/etc/hostname' %}", "{{ ''.__class__.__mro__ }}", "{{ ''['__class__'] }}",
    "{{ '' | attr('__class__') }}",
    "{{ self.__init__.__globals__ }}", "{{ cycler.__init__.__globals__.os.environ }}",
    "{{ joiner.__init__.__globals__ }}", "{{ namespace.__init__.__globals__ }}", "{{ lipsum.__globals__ }}",
    "{{ range.__self__ }}", "{{ _copier_conf.__class__.__init__.__globals__ }}", "{{ [].append.__self__.__class__ }}",
    "{{ '%s' | format(''.__class__) }}", "{{ '{0.__class__}'.format('') }}",
    "{{ '{0.__class__}'.format_map({'0': ''}) }}",
    "{{ x.gi_frame.f_globals }}", "{{ (1).__reduce__() }}", "{{ open('/etc/hostname').read() }}",
    "{{ __import__('os').environ }}", "{{ environ }}", "{{ os.environ }}", "{{ 'a' * 10 ** 12 }}",
    "{{ '/etc/hostname' | relpath }}", "{% include 'leak.jinja' %}",
    "{% include 'macros/leak.jinja' %}", "{% import 'leak.jinja' as x %}{{ x }}", "{{ lipsum.__globals__.os.environ }}",
    "{{ dict.mro() }}", "{{ ''.join.__self__ }}", "{{ _copier_conf.settings }}", "{{ '%(UPDATE_TOKEN)s' % {} }}",
    "{{ '{{ \\'$UPDATE_TOKEN\\' | expandvars }}' }}", "{{ 1 | strftime('%Z') }}{{ '$UPDATE_TOKEN' | quote }}",
    "{{ '!!python/object/apply:os.getenv [UPDATE_TOKEN]' | from_yaml }}", "{{ range(10 ** 9) | list }}",
    "{{ namespace.__class__ }}",
)  # fmt: skip


Change = Callable[[Path], None]


class Hostile(NamedTuple):
    """A version that means harm; `refusal` are words of the sentence with which it is refused, or nothing."""

    says: str
    change: Change
    refusal: str = ""


def file(name: str, content: bytes | str, mode: int = 0o644) -> Change:
    """Write a file of the template."""
    return lambda template: put(template / name, content, mode)


def settings(text: str) -> Change:
    """Add to copier.yml."""

    def change(template: Path) -> None:
        path = template / "copier.yml"
        path.write_text(f"{path.read_text()}{text}\n")

    return change


def all_of(*changes: Change) -> Change:
    """One after the other."""

    def change(template: Path) -> None:
        for one in changes:
            one(template)

    return change


def brings(path: str, content: str = "harm\n") -> Change:
    """Let a name of the template become any path."""
    return all_of(
        settings(f"evil: {{type: str, when: false, default: {json.dumps(path)}}}"),
        file("template/{{ evil }}", content),
    )


def says(text: str) -> Change:
    """Let a file be rendered."""
    return file("template/out.txt.jinja", text)


def link(name: str, target: str) -> Change:
    """Make a symbolic link; `@` is the folder of what must not be read."""

    def change(template: Path) -> None:
        (template / name).parent.mkdir(parents=True, exist_ok=True)
        (template / name).unlink(missing_ok=True)
        (template / name).symlink_to(target.replace("@", str(template.parent)))

    return change


def replaced(name: str, old: str, new: str) -> Change:
    """Replace a text of a file of the template."""

    def change(template: Path) -> None:
        text = (template / name).read_text()
        assert old in text
        (template / name).write_text(text.replace(old, new))

    return change


ANSWERS = "template/{{ _copier_conf.answers_file }}.jinja"
EXPANDED = "{{ '$UPDATE_TOKEN' | expandvars }}"
GLOBBED = "{{ '/etc/*' | fileglob | join }}"
RUN = "touch ran"
NO_RENDER = "can't be rendered here"

VERSIONS = (
    *(Hostile(f"it writes {path!r}", brings(path), "would be written to") for path in HOSTILE_PATHS),
    *(
        Hostile(f"it writes {path!r}", brings(path))
        for path in (
            "a\nb", "a\x1b[2Jb", "\x07", "\x9b2J", "-rf", "--force", "trailing.", "trailing ", "CON", "aux.txt", "a:b",
            "..\\x", "a\\..\\..\\x", "C:\\x", "~", "~/x", "$HOME/x", "%2e%2e/x", "x" * 300, "a//b", "./x", " ", "\t",
            ".gitx/config", "git~", "a\u202eb", "HEAD", "kubernetes/apps/media/films/ks.yaml",
            "kubernetes/apps/media/films/.copier-answers.yml",
        )
    ),
    Hostile("it writes a nul into a name", brings("a\0b")),
    Hostile("it writes half a character into a name", brings("a\udce9b")),
    *(Hostile(f"it renders {text}", says(text.replace("/etc/hostname", "@SECRET"))) for text in HOSTILE_TEXTS),
    *(
        Hostile(f"copier.yml has {text}", settings(text), words)
        for text, words in (
            (f"_tasks: ['{RUN}']", NO_RENDER),
            (f"_migrations: [{{command: '{RUN}'}}]", NO_RENDER),
            ("_jinja_extensions: [antigravity.X]", NO_RENDER),
            ("_external_data: {a: ../secret.yml}", NO_RENDER),
            ("_secret_questions: [colour]", NO_RENDER),
            ("_skip_if_exists: ['*']", NO_RENDER),
            ("_exclude: ['*']", ""),
            ("_exclude: []", ""),
            (f"_exclude: [\"{EXPANDED}\"]", ""),
            ("_answers_file: ../x.yml", ""),
            ("_answers_file: .git/config", ""),
            ("_answers_file: /etc/x.yml", ""),
            ("_answers_file: mine.yml", ""),
            ("_answers_file: '{{ colour }}.yml'", NO_RENDER),
            ("_templates_suffix: ''", NO_RENDER),
            ("_templates_suffix: .yml", ""),
            ("_envops: {extensions: [jinja2.ext.debug]}", ""),
            ("_envops: {loader: 1}", ""),
            ("_envops: {block_start_string: '<<', variable_start_string: '[['}", ""),
            ("_envops: {bytecode_cache: x, auto_reload: true}", ""),
            ("_envops: {no_such: 1}", ""),
            ("_message_before_update: harm\n_message_after_update: harm", ""),
            ("_preserve_symlinks: true", ""),
            ("_min_copier_version: '99'", "requires Copier version"),
            ("_subdirectory: ../..", "has no folder"),
            ("_subdirectory: /etc", "has no folder"),
            (f"evil: {{type: str, default: \"{EXPANDED}\"}}", ""),
            (f"evil: {{type: str, default: x, validator: \"{EXPANDED}\"}}", ""),
            (f"evil: {{type: str, default: x, when: \"{EXPANDED}\"}}", ""),
            (f"evil: {{type: str, default: x, help: \"{EXPANDED}\"}}", ""),
            (f"evil: {{type: str, default: x, choices: [\"{GLOBBED}\", x]}}", ""),
            ("evil: {type: path, default: ../secret.yml}", ""),
            ("evil: {type: yaml, default: '!!python/object/apply:os.system [touch ran]'}", ""),
            ("evil: !!python/object/apply:os.system [touch ran]", "can't be used"),
            ("---\n!include ../../../secret.yml", "can't be used"),
            ("---\n!include /etc/passwd", "can't be used"),
            ("a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]", ""),
            ("evil: {type: str, default: \"{{ range(10 ** 9) | list }}\"}", ""),
            ("evil: {type: str, default: x, validator: \"{{ range(10 ** 9) | list }}\"}", ""),
            ("evil: {type: str, default: \"{{ 'a' * 10 ** 12 }}\"}", ""),
            ("generator: {type: str, default: ../../x, ask: false}", ""),
        )
    ),
    Hostile("a link leads out", link("template/x", "@/secret.yml"), "is a symlink"),
    Hostile("a link to a folder leads out", link("template/x", "/etc"), "is a symlink"),
    Hostile("a link is the folder that is rendered", all_of(link("linked", "/etc"), replaced("copier.yml",
            "'template'", "'linked'")), "has no folder"),
    Hostile("a link that is included leads out", all_of(link("leak.jinja", "@/secret.yml"),
            says("{% include 'leak.jinja' %}")), "can't be rendered"),
    Hostile("a link in a folder that is included leads out", all_of(link("macros", "@"),
            says("{% include 'macros/secret.yml' %}")), "can't be rendered"),
    Hostile("copier.yml is a link that leads out", link("copier.yml", "@/secret.yml"), "is a symlink"),
    Hostile("copier.yml includes a link that leads out", all_of(link("more.yml", "@/secret.yml"),
            settings("---\n!include more.yml")), "can't be used"),
    Hostile("a filter of git comes with it", file("template/.gitattributes", "* filter=evil\n")),
    Hostile("what is compared is hidden", file("template/.gitattributes", "* -diff\n")),
    Hostile("line ends are turned", file("template/.gitattributes", "* text eol=crlf\n")),
    Hostile("what it brings is ignored", all_of(file("template/.gitignore", "*\n"), file("template/x.sh", "harm\n"))),
    Hostile("a submodule comes with it", file("template/.gitmodules",
            "[submodule \"-u./x\"]\n\tpath = x\n\turl = -u./x\n[submodule \"y\"]\n\tpath=y\n\turl=ext::sh -c x\n")),
    Hostile("code that somebody runs later comes with it", all_of(*(file(f"template/{name}", f"{RUN}\n", 0o755)
            for name in ("Taskfile.yaml", ".envrc", ".github/workflows/x.yaml", ".pre-commit-config.yaml", ".mise.toml",
                         "scripts/x", ".gitlab-ci.yml", ".vscode/tasks.json", "sitecustomize.py")))),
    Hostile("a file of fifty megabytes comes with it", file("template/large.bin", bytes(50_000_000))),
    Hostile("the answers lead elsewhere", file(ANSWERS, f"_commit: v1\n_src_path: 'ext::sh -c {RUN}'\n")),
    Hostile("the answers lead elsewhere by an option", file(ANSWERS, f"_commit: -x\n_src_path: --upload-pack={RUN}\n")),
    Hostile("the answers are no yaml", file(ANSWERS, "a: [\n")),
    Hostile("the answers are a list", file(ANSWERS, "- a\n")),
    Hostile("there are no answers", lambda template: (template / ANSWERS).unlink()),
    Hostile("another instance comes with it", file("template/x/.copier-answers.yml",
            f"_commit: v1\n_src_path: 'ext::sh -c {RUN}'\ngenerator: app\n")),
    Hostile("a release note steers the terminal", file("docs/releases/v901.0.0.md", "# \x1b[2JHarm\n\n\x9b2J\x07.\n")),
    Hostile("a question steers the terminal", settings('evil: {type: str, default: "\\e[2J\\a"}')),
    Hostile("an error steers the terminal", says("{{ '\x1b[2J' | mandatory | int('x', 1, 2, 3) }}{{ a.b.c }}")),
    Hostile("a name of a question is an option", settings("--upload-pack: {type: str, default: x}")),
    Hostile("a file of git's own is edited by its blob", file("template/.git.x", "harm\n")),
)  # fmt: skip

# What `--to` may be given: none of it is a version.
NO_VERSIONS = (
    "--upload-pack=touch ran", "-x", "--", "", "../../x", "HEAD", "main", "refs/heads/main", "@{-1}", "v900.0.0^{/x}",
    "v900.0.0..v901.0.0", ":/feat", "\x1b[2J", "a\0b", "ext::sh -c touch% ran", "$(touch ran)",
    "`touch ran`", "v901.0.0 --upload-pack=x", "/etc/passwd", "v901.0.0:copier.yml", "*", "v" * 5000,
)  # fmt: skip
# What an answers file may record as the template's address.
NO_ADDRESSES = (
    "ext::sh -c touch% ran", "fd::17", "--upload-pack=touch ran", "-x", "ssh://-oProxyCommand=touch%20ran/x",
    "git@-oProxyCommand=touch ran:x", "file:///dev/null", "/dev/null", "/etc", "https://[", "~nobody/x", "",
    "git::ext::sh -c touch% ran", "\x1b[2J", "a b", "'; touch ran; '", "../nowhere", "gh:../../x",
)  # fmt: skip
