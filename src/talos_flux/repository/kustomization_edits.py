"""Edits of kustomization.yaml and ks.yaml that leave the order and the comments in them alone."""

import re

import yaml

from talos_flux.errors import UserError


def resources(text: str) -> list[str]:
    """Return the resources that a kustomization lists, as written; UserError when it can't be read."""
    return [item.value for item in _listed(text)[1].value]


def with_resource(text: str, resource: str) -> str:
    """Return the kustomization with one more resource; UserError when it can't be read.

    A sorted list stays sorted, after its namespace.yaml; any other gets it at its end. A resource that is listed
    changes nothing.
    """
    key, listed = _listed(text)
    lines = _lines(text)
    if key is None:
        return "".join([*lines, "resources:\n", f"  - {resource}\n"])
    names = [item.value for item in listed.value]
    if _plain(resource) in map(_plain, names):
        return text
    if listed.flow_style or not names:
        start, end = listed.start_mark, listed.end_mark
        return text[: start.index].rstrip() + _flow([*names, resource]) + text[end.index :]
    first = 1 if _plain(names[0]) == "namespace.yaml" else 0
    later = next((item for item in listed.value[first:] if _parts(item.value) > _parts(resource)), None)
    if names[first:] == sorted(names[first:], key=_parts) and later is not None:
        place = _first_comment_above(lines, later.start_mark.line)
    else:
        place = listed.value[-1].end_mark.line + 1
    indent = " " * lines[listed.value[0].start_mark.line].index("-")
    lines.insert(place, f"{indent}- {resource}\n")
    return "".join(lines)


def without_resource(text: str, resource: str) -> str:
    """Return the kustomization without a resource; UserError when it can't be read.

    A comment above it goes with it when it names the resource's folder or stands above this entry alone: a comment
    that another entry follows may be the heading of both. A resource that is not listed changes nothing.
    """
    key, listed = _listed(text)
    removed = [item for item in listed.value if _plain(item.value) == _plain(resource)]
    kept = [item for item in listed.value if item not in removed]
    if key is None or not removed:
        return text
    if listed.flow_style:
        start, end = listed.start_mark.index, listed.end_mark.index
        spelled = (text[item.start_mark.index : item.end_mark.index] for item in kept)
        return f"{text[:start]}[{', '.join(spelled)}]{text[end:]}"
    lines = _lines(text)
    entries = {item.start_mark.line for item in listed.value}
    for item in reversed(removed):
        first, last = item.start_mark.line, item.end_mark.line
        comment = _first_comment_above(lines, first)
        name = re.escape(_plain(resource).partition("/")[0])
        names_it = re.search(rf"(?<![\w-]){name}(?![\w-])", "".join(lines[comment:first]))
        del lines[comment if names_it or last + 1 not in entries else first : last + 1]
    if not kept:
        line, column = key.end_mark.line, key.end_mark.column + 1
        lines[line] = f"{lines[line][:column]} []{lines[line][column:]}"
    return "".join(lines)


def with_decryption(text: str) -> str:
    """Return ks.yaml whose Flux Kustomizations decrypt what SOPS encrypted; one that says how is left alone."""
    documents = re.split(r"(?m)^(?=---)", text)
    return "".join(map(_document_with_decryption, documents))


def _document_with_decryption(text: str) -> str:
    document = yaml.safe_load(text) or {}
    if "decryption" in document.get("spec", {"decryption": None}):
        return text
    return re.sub(r"^( +)path: ", r"\1decryption:\n\1  provider: sops\n\g<0>", text, count=1, flags=re.MULTILINE)


def _listed(text: str) -> tuple[yaml.Node | None, yaml.SequenceNode]:
    """Return the key `resources` and its list; no key and an empty list where there is none.

    UserError when the text is no YAML, or the list is not one of files.
    """
    try:
        node = yaml.compose(text)
    except yaml.YAMLError as error:
        raise UserError(f"the kustomization.yaml is not YAML: {' '.join(str(error).split())}.") from None
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        if key.value == "resources":
            if value.tag == "tag:yaml.org,2002:null":
                return key, yaml.SequenceNode(value.tag, [], value.start_mark, value.end_mark, flow_style=False)
            if not isinstance(value, yaml.SequenceNode) or any(item.id != "scalar" for item in value.value):
                raise UserError("resources of the kustomization.yaml is not a list of files.")
            return key, value
    return None, yaml.SequenceNode("", [])


def _lines(text: str) -> list[str]:
    """Return the lines of a text, each with its end."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def _first_comment_above(lines: list[str], line: int) -> int:
    """Return where the comment directly above a line starts; the line itself where there is none."""
    while line > 0 and lines[line - 1].lstrip().startswith("#"):
        line -= 1
    return line


def _parts(path: str) -> list[str]:
    """Return the sort key of a path: cilium comes before cilium-networks, with and without what is in them."""
    return _plain(path).split("/")


def _plain(path: str) -> str:
    """Return a path without a leading ./, since ./a and a are one file."""
    return path.removeprefix("./")


def _flow(names: list[str]) -> str:
    """Return a list on its own lines, in place of one in brackets."""
    return "".join(f"\n  - {name}" for name in names)
