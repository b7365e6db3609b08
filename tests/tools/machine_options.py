"""The free-form parts of a machine configuration: what Kubernetes' programs, and Talos, take there.

    python -m tests.tools.machine_options

writes src/talos_flux/data/machines.json.xz: the fields of the configurations of kubelet, kube-proxy and kube-scheduler
from their Go types, the flags of all programs from their --help, and for those that are built nowhere here from the
sources, and what Talos refuses, from its sources.
"""

import json
import lzma
import re
import subprocess
from collections.abc import Iterable
from typing import Any

from tests.support import modules
from tests.support.render import PROJECT
from tests.tools import catalogue
from tests.tools.obtain import BIN

ARCHIVE = PROJECT / "src/talos_flux/data/machines.json.xz"
KUBERNETES, TALOS = f"v{catalogue.KUBERNETES}", f"v{catalogue.TALOS}"
STAGING = f"v0.{KUBERNETES.removeprefix('v1.')}"

STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\t(?:\w+ +)?([\w.*\[\]]+) +`json:\"([\w-]*)([^\"]*)\"", re.MULTILINE)
PLAIN = {
    "bool": "boolean", "int": "integer", "int32": "integer", "int64": "integer", "uint": "integer", "uint32": "integer",
    "float64": "number", "string": "string", "metav1.Duration": "string",
}  # fmt: skip
HELP_FLAG = re.compile(r"^\s*(?:-\w, )?--([a-z][a-z0-9-]*)", re.MULTILINE)
CODE_FLAG = re.compile(r"\.\w*(?:Var|VarP|AddFlag)\(\s*[^,\"]*(?:\([^()]*\))?,?\s*\"([a-z][\w-]*)\"")
HIDDEN_FLAG = re.compile(r"Mark(?:Deprecated|Hidden)\(\"([a-z][\w-]*)\"")
CADVISOR_FLAG = re.compile(r"register(?:Deprecated)?\(global, local, \"([\w-]+)\"")
NAMED_FLAG = re.compile(r"\bflagName\s*=\s*\"([\w-]+)\"|FlagName\s*=\s*\"([\w-]+)\"")
POLICIES = re.compile(r"MergePolicies\{(.*?)\n\t+\}", re.DOTALL)
DENIED = re.compile(r"\"([\w-]+)\": *argsbuilder\.MergeDenied")


def kubernetes(*folders: str) -> str:
    """Return the Go sources, tests aside, in folders of Kubernetes or of one of its modules, as text."""
    parts = []
    for folder in folders:
        name, _, inside = folder.partition("/")
        version = KUBERNETES if name == "kubernetes" else STAGING
        root = modules.folder(f"k8s.io/{name}@{version}") / inside
        files = sorted(root.rglob("*.go")) if root.is_dir() else [root]
        parts += [file.read_text() for file in files if not file.name.endswith("_test.go")]
    return "\n".join(parts)


def schema(kind: str, *folders: str) -> dict[str, Any]:
    """Return the schema of a kind of Go's types, in the words of tests.tools.schemas."""
    structs = {match[1]: match[2] for match in STRUCT.finditer(kubernetes(*folders))}

    def of_type(name: str, above: tuple[str, ...]) -> dict[str, Any]:
        name = name.removeprefix("*")
        if name.startswith("[]"):
            return {"type": "array", "items": of_type(name[2:], above)}
        if match := re.fullmatch(r"map\[[\w.]+\](.+)", name):
            return {"type": "object", "values": of_type(match[1], above)}
        if plain := PLAIN.get(name):
            return {"type": plain}
        # A kind of another group, such as Taint, and types that are texts with a name: anything may stand there.
        short = name.rpartition(".")[2]
        inside = fields(short, (*above, short)) if short in structs else {}
        return {"type": "object", "fields": inside} if inside else {}

    def fields(name: str, above: tuple[str, ...]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for of, key, more in FIELD.findall(structs[name]):
            short = of.rpartition(".")[2]
            if "inline" in more and short in structs:
                found |= fields(short, above)
            elif key and key != "-" and short not in above:
                found[key] = of_type(of, above)
        return found

    return {"type": "object", "fields": {"apiVersion": {}, "kind": {}} | fields(kind, (kind,))}


def said(program: str, *words: str) -> str:
    """Return what a program says; etcd writes its help to stderr."""
    done = subprocess.run([BIN / program, *words], capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def asked(program: str, *, silent_about: Iterable[str] = ()) -> set[str]:
    """Return the flags that a program names in its help, and of others those that it takes all the same."""
    named_there = set(HELP_FLAG.findall(said(program, "--help")))
    return named_there | {flag for flag in set(silent_about) - named_there if takes(program, flag)}


def takes(program: str, flag: str) -> bool:
    """Return whether a program takes a flag; the one behind it, which none takes, keeps it from starting."""
    words = said(program, f"--{flag}=x", "--no-such-flag=x")
    return not re.search(rf"(?:unknown flag: -|defined: -)-?{flag}\b", words)


def named(*folders: str) -> set[str]:
    """Return the flags that sources add."""
    text = kubernetes(*folders)
    found = {*CODE_FLAG.findall(text), *HIDDEN_FLAG.findall(text), *CADVISOR_FLAG.findall(text)}
    found |= {one or other for one, other in NAMED_FLAG.findall(text)}
    return {name.replace("_", "-") for name in found}


def hidden(*folders: str) -> set[str]:
    """Return the flags that sources keep out of the help."""
    return set(HIDDEN_FLAG.findall(kubernetes(*folders)))


def flags() -> dict[str, Iterable[str]]:
    """Return the flags by program; hidden ones are in no help, so sources are asked for these, too."""
    of_all = named("component-base/logs/api", "component-base/logs/logs.go", "component-base/featuregate")
    of_all |= {"help", "version"}
    silent = hidden("apiserver/pkg", "component-base", "controller-manager", "cloud-provider", "kubernetes/cmd")
    silent |= hidden("kubernetes/pkg/kubeapiserver")
    return {
        "etcd": asked("etcd"),
        "kube-apiserver": asked("kube-apiserver", silent_about=silent),
        "kube-controller-manager": asked("kube-controller-manager", silent_about=silent),
        "kube-proxy": of_all | named("kubernetes/cmd/kube-proxy/app/options.go"),
        "kube-scheduler": asked("kube-scheduler", silent_about=silent),
        "kubelet": of_all | named("kubernetes/cmd/kubelet/app/options"),
    }


def talos(path: str) -> str:
    return (modules.folder(f"github.com/siderolabs/talos@{TALOS}") / "internal/app/machined/pkg" / path).read_text()


def denied() -> dict[str, list[str]]:
    """Return the flags that Talos sets and lets nobody change, by program."""
    final = [
        sorted(DENIED.findall(block)) for block in POLICIES.findall(talos("controllers/k8s/control_plane_final.go"))
    ]
    [kubelet] = [DENIED.findall(one) for one in POLICIES.findall(talos("controllers/k8s/kubelet_spec.go"))]
    etcd = talos("system/services/etcd.go").partition("denyListArgs := argsbuilder.Args{")[2].partition("\n\t}")[0]
    proxy = [DENIED.findall(one) for one in POLICIES.findall(talos("controllers/k8s/control_plane.go"))]
    api, manager, scheduler = (block for block in final if block)
    return {
        "etcd": sorted(re.findall(r"\"([\w-]+)\":", etcd)),
        "kube-apiserver": api,
        "kube-controller-manager": manager,
        "kube-proxy": sorted(set.intersection(*map(set, filter(None, proxy)))),
        "kube-scheduler": scheduler,
        "kubelet": sorted(kubelet),
    }


def protected() -> list[str]:
    """Return the fields of kubelet's configuration that Talos sets itself."""
    path = modules.folder(f"github.com/siderolabs/talos/pkg/machinery@{TALOS}") / "kubelet/kubelet.go"
    listed = path.read_text().partition("ProtectedConfigurationFields = []string{")[2].partition("}")[0]
    return sorted(re.findall(r"\"(\w+)\"", listed))


def archive() -> dict[str, Any]:
    base = "component-base/config/v1alpha1/types.go"
    logs = ("component-base/logs/api/v1/types.go", "component-base/tracing/api/v1/types.go")
    return {
        "kubernetes": KUBERNETES,
        "talos": TALOS,
        "flags": {program: sorted(names) for program, names in flags().items()},
        "denied": denied(),
        "protected": protected(),
        "configurations": {
            "kube-proxy": schema("KubeProxyConfiguration", "kube-proxy/config/v1alpha1/types.go", base, *logs),
            "kube-scheduler": schema("KubeSchedulerConfiguration", "kube-scheduler/config/v1/types.go", base, *logs),
            "kubelet": schema("KubeletConfiguration", "kubelet/config/v1beta1/types.go", *logs),
        },
    }


def packed() -> bytes:
    """Return the archive's bytes, the same each time."""
    return lzma.compress(json.dumps(archive(), sort_keys=True, separators=(",", ":")).encode(), preset=9)


if __name__ == "__main__":
    ARCHIVE.write_bytes(packed())
    print(
        f"{ARCHIVE.relative_to(PROJECT)}: Kubernetes {KUBERNETES}, Talos {TALOS}, {ARCHIVE.stat().st_size // 1024} KiB"
    )
