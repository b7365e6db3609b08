"""Adding a file to a kustomization.yaml without disturbing the order and comments in it."""

import yaml

from lib.terminal import Refusal


def with_resource(text: str, resource: str) -> str:
    """The kustomization with one more resource.

    A sorted list stays sorted, any other gets it at its end. A resource that is listed changes nothing.
    """
    node = yaml.compose(text)
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    listed = next((value for key, value in pairs if key.value == "resources"), None)
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    if listed is None:
        return "".join([*lines, "resources:\n", f"  - {resource}\n"])
    if not isinstance(listed, yaml.SequenceNode):
        raise Refusal("resources of the kustomization.yaml is not a list.")
    names = [item.value for item in listed.value]
    if _plain(resource) in map(_plain, names):
        return text
    if listed.flow_style or not names:
        start, end = listed.start_mark, listed.end_mark
        return text[: start.index] + _flow([*names, resource]) + text[end.index :]
    later = next((item for item in listed.value if item.value > resource), None)
    if names == sorted(names) and later is not None:
        place = later.start_mark.line
        while place > 0 and lines[place - 1].lstrip().startswith("#"):
            place -= 1
    else:
        place = listed.value[-1].end_mark.line + 1
    indent = " " * lines[listed.value[0].start_mark.line].index("-")
    lines.insert(place, f"{indent}- {resource}\n")
    return "".join(lines)


def _plain(path: str) -> str:
    """./a and a are one file."""
    return path.removeprefix("./")


def _flow(names: list[str]) -> str:
    """A list on its own lines, in place of one in brackets."""
    return "".join(f"\n  - {name}" for name in names)
