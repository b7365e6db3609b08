"""What stands in the free-form parts of a machine configuration, which talosctl does not look into.

machines.json.xz has the fields and flags of one version of Kubernetes, and what one of Talos sets itself.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from talos_flux.data import packaged
from talos_flux.errors import did_you_mean, misspelt
from talos_flux.manifests.schemas import unknown_fields, wrong_types
from talos_flux.repository.files import List, Map

# Documents for a program of Kubernetes, since Talos 1.14: its configuration stands in `config`, flags in `extraArgs`.
DOCUMENTS = {
    "KubeAPIServerConfig": "kube-apiserver", "KubeControllerManagerConfig": "kube-controller-manager",
    "KubeProxyConfig": "kube-proxy", "KubeSchedulerConfig": "kube-scheduler", "KubeletConfig": "kubelet",
}  # fmt: skip
# Where older configurations, and etcd's, have the same.
PLACES = {
    ("cluster", "apiServer"): "kube-apiserver", ("cluster", "controllerManager"): "kube-controller-manager",
    ("cluster", "etcd"): "etcd", ("cluster", "proxy"): "kube-proxy", ("cluster", "scheduler"): "kube-scheduler",
    ("machine", "kubelet"): "kubelet",
}  # fmt: skip
CONFIGURATION_KEYS = ("config", "extraConfig")
# The folders of /proc/sys, https://docs.kernel.org/admin-guide/sysctl/
SYSCTLS = ("abi", "crypto", "debug", "dev", "fs", "fscache", "kernel", "net", "sunrpc", "user", "vm", "xen")
SYSCTL = re.compile(r"(?:proc[./]sys[./])?([a-z]+)(?:[./][\w*@:-]+)+")


class Misuse(NamedTuple):
    """What is wrong with an option, at a line."""

    line: int
    text: str


class Program(NamedTuple):
    """What a document has for a program of Kubernetes."""

    name: str
    flags: Map | None
    configuration: Map | None


def known() -> Mapping[str, Any]:
    """Return the flags, the fields and what Talos denies."""
    return packaged("machines")


def is_for_machines(document: Any) -> bool:
    """Return whether a document is one of a machine configuration, or a patch of one."""
    if not isinstance(document, Map):
        return False
    if document.get("apiVersion") == "v1alpha1" and "kind" in document and "metadata" not in document:
        return True
    is_of_old = isinstance(document.get("machine"), Map) or isinstance(document.get("cluster"), Map)
    return is_of_old and not document.keys() - {"machine", "cluster", "version", "debug", "persist"}


def programs(document: Map) -> Iterator[Program]:
    """Yield what a document has for programs of Kubernetes."""
    if name := DOCUMENTS.get(str(document.get("kind"))):
        yield _program(name, document)
    for keys, name in PLACES.items():
        inner: Any = document
        for key in keys:
            inner = inner.get(key) if isinstance(inner, Map) else None
        if isinstance(inner, Map):
            yield _program(name, inner)


def _program(name: str, content: Map) -> Program:
    configurations = [content.get(key) for key in CONFIGURATION_KEYS if isinstance(content.get(key), Map)]
    flags = content.get("extraArgs")
    return Program(name, flags if isinstance(flags, Map) else None, configurations[0] if configurations else None)


def problems(program: Program, *, is_known_version: bool) -> Iterator[Misuse]:
    """Yield the flags and fields that a program refuses; of another Kubernetes than the known one only typos."""
    yield from _flags(program, is_known_version=is_known_version)
    schema = known()["configurations"].get(program.name)
    if program.configuration is None or schema is None:
        return
    for name in known()["protected"] if program.name == "kubelet" else ():
        if name in program.configuration:
            text = f"Talos sets {name} of kubelet itself, and refuses another value"
            yield Misuse(program.configuration.lines[name], text)
    for keys, fields in unknown_fields(program.configuration, schema, ()):
        name = str(keys[-1])
        if name.startswith("$") or not (is_known_version or misspelt(name, fields)):
            continue
        yield Misuse(_line(program.configuration, keys), f"{program.name} has no option {name}{_meant(name, fields)}")
    for keys, wanted in wrong_types(program.configuration, schema, ()):
        value = _at(program.configuration, keys)
        if keys and not (isinstance(value, Map) and "$patch" in value):
            yield Misuse(_line(program.configuration, keys), f"{keys[-1]} of {program.name} has to be {wanted}")


def _flags(program: Program, *, is_known_version: bool) -> Iterator[Misuse]:
    names = known()["flags"][program.name]
    for flag, value in (program.flags or {}).items():
        name, line = str(flag), (program.flags or Map()).lines[flag]
        if name in known()["denied"][program.name]:
            yield Misuse(line, f"Talos sets {name} of {program.name} itself, and refuses another value")
        elif name.startswith("-"):
            yield Misuse(line, f"{name} is written without dashes, {name.lstrip('-')}")
        elif name not in names and not name.startswith("$") and (is_known_version or misspelt(name, names)):
            yield Misuse(line, f"{program.name} has no flag {name}{_meant(name, names)}")
        elif isinstance(value, dict) and "$patch" not in value:
            yield Misuse(line, f"{name} of {program.name} has to be a text, or a list of texts")


def _meant(name: str, names: Any) -> str:
    return did_you_mean(name, names).removesuffix(".")


def _at(value: Any, keys: tuple[str | int, ...]) -> Any:
    for key in keys:
        value = value[key]
    return value


def _line(content: Map, keys: tuple[str | int, ...]) -> int:
    line: int = _at(content, keys[:-1]).lines[keys[-1]]
    return line


def sysctl_problems(document: Map) -> Iterator[Misuse]:
    """Yield names of kernel parameters that can't be ones, and arguments of the kernel that it would take apart."""
    machine = document.get("machine")
    inner = machine.get("sysctls") if isinstance(machine, Map) else None
    of_document = document.get("params") if document.get("kind") == "SysctlConfig" else None
    for params in (one for one in (inner, of_document) if isinstance(one, Map)):
        for key in params:
            name = str(key)
            match = SYSCTL.fullmatch(name)
            if name.startswith("$"):
                continue
            if not match:
                yield Misuse(params.lines[key], f"{name} is no kernel parameter: one is written net.core.rmem_max")
            elif match[1] not in SYSCTLS and misspelt(match[1], SYSCTLS):
                meant = misspelt(match[1], SYSCTLS)
                yield Misuse(params.lines[key], f"{name} is no kernel parameter: did you mean {meant}?")
    install = machine.get("install") if isinstance(machine, Map) else None
    customization = document.get("customization")
    for holder in (install, customization):
        arguments = holder.get("extraKernelArgs") if isinstance(holder, Map) else None
        for argument, line in zip(arguments, arguments.lines, strict=True) if isinstance(arguments, List) else ():
            if not isinstance(argument, str) or not re.fullmatch(r"[^\s=\"']+(?:=(?:[^\s\"]|\"[^\"]*\")*)?", argument):
                text = f"{argument!r} is no argument of the kernel: one is written name or name=value, without spaces"
                yield Misuse(line, text)
