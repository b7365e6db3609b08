"""What Renovate refuses in a configuration, and what it passes over, by the options of one of its versions.

renovate.json.xz has them, as `config/validation` of Renovate reads them: after migrations, which rename old options.
"""

import json
import re
import zoneinfo
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from talos_flux.data import packaged
from talos_flux.errors import misspelt
from talos_flux.repository.files import List, Map

RULE = re.compile(r"p.*Rules")
# A preset of Renovate's own: of a namespace, or of the default one.
OF_RENOVATE = re.compile(r"([a-zA-Z]*):[^(]+")
CUSTOM_MANAGERS = ("custom.jsonata", "custom.regex", "jsonata", "regex")
# Values of another type that a migration turns into one that fits.
MIGRATED: Mapping[str, tuple[type, ...]] = {
    "composerIgnorePlatformReqs": (bool,), "dryRun": (bool,), "extends": (str,), "ignoreNpmrcFile": (bool,),
    "packageRules": (dict,), "platformCommit": (bool,), "renovateFork": (bool,), "requireConfig": (bool, str),
    "semanticCommits": (bool,), "separateMultipleMajor": (bool,),
}  # fmt: skip
# Renovate goes on without these where they are of a wrong type.
PASSED_OVER = ("extends", "schedule", "semanticCommits", "timezone")
AUTOMERGE = ("none", "patch", "minor", "any")
BEFORE_LOOKUP = {
    "allowedVersions", "extractVersion", "followTag", "ignoreDeps", "ignoreUnstable", "rangeStrategy", "registryUrls",
    "respectLatest", "rollbackPrs", "separateMajorMinor", "separateMinorPatch", "separateMultipleMajor",
    "separateMultipleMinor", "versioning",
}  # fmt: skip
# What a custom manager has to have; a template or a group of its patterns can stand for the last three.
OF_A_MANAGER = (("managerFilePatterns", "fileMatch"), ("matchStrings",))
# Objects whose keys somebody names, and which are no options.
NAMED = ("customDatasources", "env", "statusCheckNames", "statusCheckWhen")
OF_OBJECTS = ("customManagers", "hostRules", "packageRules")
FOUND_BY_A_MANAGER = (("datasource",), ("currentValue", "currentDigest"), ("depName", "packageName"))


class Objection(NamedTuple):
    """What Renovate has against a configuration, at a line; unless it `is_refused`, it only passes that over."""

    line: int
    text: str
    is_refused: bool = True


def known() -> dict[str, Any]:
    """Return what Renovate knows: options by name, former names, presets and managers."""
    return packaged("renovate")


@cache
def _names(what: str) -> frozenset[str]:
    return frozenset(known()[what])


def objections(content: Map, *, is_preset: bool = False) -> Iterator[Objection]:
    """Yield what Renovate has against a configuration. In a preset it passes over everything but presets."""
    for objection in _in(content, "", ".", is_preset=is_preset):
        is_about_a_preset = objection.text.startswith("preset ")
        yield objection if is_about_a_preset or not is_preset else objection._replace(is_refused=False)


def _in(content: Map, inside: str, parent: str, *, is_preset: bool) -> Iterator[Objection]:
    """Yield objections to the options of a mapping: `inside` is the option that holds it, with [] for one of many."""
    for name, value in content.items():
        line = content.lines[name]
        if name in _names("ignored"):
            continue
        option = known()["options"].get(name)
        if option is None:
            yield from _unknown(name, line)
            continue
        if inside and name in _names("managers"):
            yield Objection(line, f"{name} is an option of the whole configuration, and stands in {parent}")
        if option.get("global") and not (parent == "hostRules" and name in ("password", "token", "username")):
            yield Objection(line, f"{name} is an option of whoever runs Renovate, not of a repository", False)
            continue
        parents = option.get("parents")
        is_choice = name.startswith("match") and "packageRules" in (parents or ())
        if is_choice and option["type"] == "array" and isinstance(value, (list, str)) and not RULE.fullmatch(parent):
            yield Objection(line, f"{name} chooses updates for a rule: it belongs to packageRules")
        elif parents and parent not in parents and not is_preset:
            where = " or ".join("the top" if one == "." else one for one in parents[:3])
            yield Objection(line, f"{name} has no meaning in {_place(parent)}: it belongs to {where}", False)
        if value is not None:
            yield from _of(name, value, option, line, is_preset=is_preset)


def _place(parent: str) -> str:
    return "the whole configuration" if parent == "." else parent


def _unknown(name: str, line: int) -> Iterator[Objection]:
    former = name in _names("former") or any(re.search(pattern, name) for pattern in known()["patterns"])
    if former:
        return
    meant = misspelt(name, known()["options"])
    if meant:
        yield Objection(line, f"Renovate has no option {name}: did you mean {meant}?")
    else:
        yield Objection(line, f"Renovate {known()['version']} has no option {name}", False)


def _of(name: str, value: Any, option: Mapping[str, Any], line: int, *, is_preset: bool) -> Iterator[Objection]:
    if wrong := _wrong_type(name, value, option):
        yield Objection(line, f"{name} has to be {wrong}, and is {_shown(value)}", name not in PASSED_OVER)
        return
    yield from _choices(name, value, option, line)
    if name == "extends":
        yield from _presets(value, line)
    elif name == "timezone":
        yield from _timezone(str(value), line)
    elif name == "enabledManagers":
        yield from _managers(value)
    elif isinstance(value, Map) and not option.get("free") and name not in NAMED:
        yield from _in(value, name, name, is_preset=is_preset)
    elif isinstance(value, List):
        yield from _entries(name, value, is_preset=is_preset)


def _choices(name: str, value: Any, option: Mapping[str, Any], line: int) -> Iterator[Objection]:
    choices = option.get("values") if name not in ("automerge", "versioning") else ()
    for one in value if isinstance(value, list) else [value]:
        if choices and isinstance(one, str) and one not in choices:
            meant = misspelt(one, choices)
            text = f"{name} can't be {one}" + (f": did you mean {meant}?" if meant else f", but {', '.join(choices)}")
            yield Objection(line, text, False)


def _entries(name: str, value: List, *, is_preset: bool) -> Iterator[Objection]:
    for entry, line in zip(value, value.lines, strict=True):
        if isinstance(entry, Map):
            yield from _in(entry, f"{name}[]", name, is_preset=is_preset)
        elif name in OF_OBJECTS:
            yield Objection(line, f"what {name} lists has to be an object, and is {_shown(entry)}")
    if name == "packageRules":
        yield from _rules(value)
    elif name == "customManagers":
        yield from _custom_managers(value)


def _wrong_type(name: str, value: Any, option: Mapping[str, Any]) -> str:
    """Return what an option has to be; empty where it is."""
    if type(value) in MIGRATED.get(name, ()) or (name == "automerge" and value in AUTOMERGE):
        return ""
    kind = option["type"]
    if kind == "integer" and type(value) in (int, float):
        return "a positive number" if value < 0 and not option.get("negative") else ""
    fits, wanted = {
        "boolean": (isinstance(value, bool) or value in ("true", "false"), "true or false"),
        "integer": (False, "a number"),
        "array": (isinstance(value, list) or (bool(option.get("text")) and isinstance(value, str)), "a list"),
        "string": (isinstance(value, str) or (isinstance(value, list) and len(value) == 1), "a text"),
        "object": (isinstance(value, (dict, bool)), "an object"),
    }[kind]
    return "" if fits else wanted


def _shown(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value, ensure_ascii=False)


def _timezone(name: str, line: int) -> Iterator[Objection]:
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        if meant := misspelt(name, zoneinfo.available_timezones()):
            yield Objection(line, f"there is no timezone {name}: did you mean {meant}?")


def _presets(value: Any, line: int) -> Iterator[Objection]:
    lines = value.lines if isinstance(value, List) else [line]
    for preset, at in zip(value if isinstance(value, List) else [value], lines, strict=True):
        if not isinstance(preset, str):
            yield Objection(at, f"a preset has to be a text, and is {_shown(preset)}", False)
        elif preset.startswith("global:"):
            yield Objection(at, f"{preset} is for whoever runs Renovate, not for a repository")
        elif "{{" not in preset and "//" not in preset and (match := OF_RENOVATE.match(preset)):
            name = match[0].rstrip()
            of_renovate = {one.partition(":")[0] for one in _names("presets")}
            if name in _names("presets") or match[1] == "npm":
                if name in (":timezone", "default:timezone"):
                    yield from _timezone(preset.partition("(")[2].rstrip(")"), at)
                continue
            near = misspelt(name, _names("presets"))
            if near:
                yield Objection(at, f"preset {name} is none of Renovate's: did you mean {near}?")
            elif match[1] in of_renovate:
                yield Objection(at, f"Renovate {known()['version']} has no preset {name}", False)


def _managers(value: Any) -> Iterator[Objection]:
    for manager, line in zip(value, value.lines, strict=True) if isinstance(value, List) else ():
        if isinstance(manager, str) and manager not in (*_names("managers"), *CUSTOM_MANAGERS):
            meant = misspelt(manager, _names("managers"))
            hint = f": did you mean {meant}?" if meant else ""
            yield Objection(line, f"Renovate has no manager {manager}{hint}", bool(meant))


def _rules(rules: List) -> Iterator[Objection]:
    for rule, line in zip(rules, rules.lines, strict=True):
        if not isinstance(rule, Map):
            continue
        # What it extends, and what used to choose updates, may choose them.
        does = [name for name in rule if not _is_a_choice(name)]
        if does == list(rule) and does and not rule.get("extends") and "packageRules" not in rule:
            yield Objection(line, "a rule of packageRules chooses no updates: it needs one of Renovate's match options")
        for chosen in ("matchUpdateTypes", "matchIsBreaking"):
            for name in sorted(rule.keys() & BEFORE_LOOKUP) if rule.get(chosen) not in (None, List()) else ():
                text = f"{name} and {chosen} exclude each other in a rule: the first decides what updates there are"
                yield Objection(rule.lines[name], text)


def _is_a_choice(name: str) -> bool:
    return name.startswith(("match", "exclude")) or (
        name in _names("former") and name.endswith(("s", "List", "packageName", "packagePattern"))
    )


def _custom_managers(managers: List) -> Iterator[Objection]:
    for manager, line in zip(managers, managers.lines, strict=True):
        if not isinstance(manager, Map):
            continue
        for names in OF_A_MANAGER:
            if not any(manager.get(name) for name in names):
                yield Objection(line, f"a custom manager needs {names[0]}")
                break
        else:
            patterns = manager.get("matchStrings")
            text = " ".join(map(str, patterns)) if isinstance(patterns, list) else ""
            for names in FOUND_BY_A_MANAGER if manager.get("customType", "regex") == "regex" else ():
                if not any(manager.get(f"{name}Template") or f"(?<{name}>" in text for name in names):
                    wanted = " or ".join(names)
                    yield Objection(
                        line, f"a custom manager needs a group {wanted} in its patterns, or {names[0]}Template"
                    )
