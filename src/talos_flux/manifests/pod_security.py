"""The Pod Security Standards: what level a pod needs, and because of which fields.

The checks are those of k8s.io/pod-security-admission v0.36.4, policy/check_*.go, in their newest version each, since a
namespace enforces the latest unless it says otherwise. Pods for Windows are not judged.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from talos_flux.manifests.pod_specs import Part, Pod
from talos_flux.manifests.releases import Keys, mapping, sequence

PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
# What fewer levels refuse comes first.
LEVELS = (PRIVILEGED, BASELINE, RESTRICTED)


class Offence(NamedTuple):
    """A field that a pod can't have, or lacks, below a level."""

    needs: str
    text: str
    keys: Keys


Path = tuple[str, ...]
Allows = Callable[[Any], bool]


class PodField(NamedTuple):
    """A field that only some values are allowed for; `*` in its path is each entry of a list."""

    path: Path
    allows: Allows
    text: str = "{last}: {value}"


def one_of(*values: Any) -> Allows:
    """Return a test for a value that is missing, or one of these."""
    return lambda value: value is None or value in values


CAPABILITIES = one_of(
    "AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "SETFCAP",
    "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT",
)  # fmt: skip
SYSCTLS = one_of(
    "kernel.shm_rmid_forced", "net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start", "net.ipv4.ping_group_range", "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes", "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_syncookies", "net.ipv4.tcp_wmem",
)  # fmt: skip
NOT_TRUE = one_of(False)
PROFILES = one_of("RuntimeDefault", "Localhost")
CONTEXT = "securityContext"
# Of the pod and of each container.
SHARED = (
    PodField((CONTEXT, "appArmorProfile", "type"), PROFILES, "appArmorProfile {value}"),
    PodField((CONTEXT, "seLinuxOptions", "type"),
          one_of("", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"),
          "seLinuxOptions.type {value}"),
    PodField((CONTEXT, "seLinuxOptions", "user"), one_of(""), "seLinuxOptions.user {value}"),
    PodField((CONTEXT, "seLinuxOptions", "role"), one_of(""), "seLinuxOptions.role {value}"),
    PodField((CONTEXT, "seccompProfile", "type"), PROFILES, "seccompProfile {value}"),
    PodField((CONTEXT, "windowsOptions", "hostProcess"), NOT_TRUE, "hostProcess"),
)  # fmt: skip
OF_POD = (
    PodField(("hostNetwork",), NOT_TRUE, "hostNetwork"),
    PodField(("hostPID",), NOT_TRUE, "hostPID"),
    PodField(("hostIPC",), NOT_TRUE, "hostIPC"),
    PodField((CONTEXT, "sysctls", "*", "name"), SYSCTLS, "sysctl {value}"),
    *SHARED,
)
HANDLERS: tuple[Path, ...] = (
    ("livenessProbe",), ("readinessProbe",), ("startupProbe",), ("lifecycle", "postStart"), ("lifecycle", "preStop"),
)  # fmt: skip
OF_CONTAINER = (
    PodField((CONTEXT, "privileged"), NOT_TRUE, "privileged"),
    PodField((CONTEXT, "capabilities", "add", "*"), CAPABILITIES, "capability {value}"),
    PodField(("ports", "*", "hostPort"), one_of(0), "hostPort {value}"),
    *SHARED,
    *(
        PodField((*handler, action, "host"), one_of(""), f"{handler[-1]} of host {{value}}")
        for handler in HANDLERS
        for action in ("httpGet", "tcpSocket")
    ),
)
PROC_MOUNT = PodField((CONTEXT, "procMount"), one_of("Default"), "procMount {value}")
RUN_AS_USER = PodField((CONTEXT, "runAsUser"), lambda value: isinstance(value, bool) or value != 0, "runAsUser {value}")
RUN_AS_NON_ROOT = PodField((CONTEXT, "runAsNonRoot"), one_of(True), "runAsNonRoot: false")
ADDED = PodField((CONTEXT, "capabilities", "add", "*"), one_of("NET_BIND_SERVICE"), "capability {value}")
VOLUMES = {
    "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image", "persistentVolumeClaim", "projected", "secret",
}  # fmt: skip
APPARMOR = "container.apparmor.security.beta.kubernetes.io/"


def offences(pod: Pod) -> list[Offence]:
    """Return why a pod needs more than restricted allows, in the order of its file."""
    if mapping(pod.own.get("os")).get("name") == "windows":
        return []
    found = [*_beyond_baseline(pod), *_beyond_restricted(pod)]
    return sorted(found, key=lambda offence: pod.at(offence.keys).line)


def _beyond_baseline(pod: Pod) -> Iterator[Offence]:
    is_in_user_namespace = pod.own.get("hostUsers") is False
    yield from _forbidden(PRIVILEGED, pod.own, OF_POD)
    for container in pod.containers:
        yield from _forbidden(PRIVILEGED, container, OF_CONTAINER)
        # Restricted refuses it all the same.
        yield from _forbidden(BASELINE if is_in_user_namespace else PRIVILEGED, container, (PROC_MOUNT,))
    for volume in pod.volumes:
        if volume.kind == "hostPath":
            yield Offence(PRIVILEGED, f"hostPath {volume.content.get('path')} of {volume.name}", volume.keys)
    annotations, keys = pod.own.find("annotations")
    for name, value in mapping(annotations).items():
        if str(name).startswith(APPARMOR) and not _is_open(value):
            if str(value) not in ("", "runtime/default") and not str(value).startswith("localhost/"):
                yield Offence(PRIVILEGED, f"the annotation {name}: {value}", (*keys, str(name)))


def _beyond_restricted(pod: Pod) -> Iterator[Offence]:
    for volume in pod.volumes:
        if volume.kind not in VOLUMES | {"hostPath"} and not _is_open(volume.kind):
            yield Offence(BASELINE, f"{volume.kind} of {volume.name}", volume.keys)
    users: tuple[PodField, ...] = () if pod.own.get("hostUsers") is False else (RUN_AS_NON_ROOT, RUN_AS_USER)
    yield from _forbidden(BASELINE, pod.own, users)
    for container in pod.containers:
        added = [one for one in _forbidden(BASELINE, container, (ADDED,)) if CAPABILITIES(one.text.split()[1])]
        yield from [*_forbidden(BASELINE, container, users), *added]
        if pod.is_whole:
            yield from _missing(pod, container, bool(users))


def _missing(pod: Pod, container: Part, needs_user: bool) -> Iterator[Offence]:
    """Yield what restricted wants to be said of a container, some of it by its pod."""

    def lacks(*names: str, also_of_pod: bool = False) -> bool:
        parts = (container, pod.own) if also_of_pod else (container,)
        return all(part.get(CONTEXT, *names) is None and not _is_open(part.get(CONTEXT)) for part in parts)

    keys = container.find(CONTEXT)[1]
    escalation, where = container.find(CONTEXT, "allowPrivilegeEscalation")
    if lacks("allowPrivilegeEscalation") or escalation is True:
        yield Offence(BASELINE, f"{container.name} without allowPrivilegeEscalation: false", where)
    dropped, where = container.find(CONTEXT, "capabilities", "drop")
    if lacks("capabilities", "drop") or (isinstance(dropped, list) and not _drops_all(dropped)):
        yield Offence(BASELINE, f"{container.name} without capabilities.drop: [ALL]", where)
    if needs_user and lacks("runAsNonRoot", also_of_pod=True):
        yield Offence(BASELINE, f"{container.name} without runAsNonRoot: true", keys)
    if lacks("seccompProfile", "type", also_of_pod=True):
        yield Offence(BASELINE, f"{container.name} without a seccompProfile", keys)


def _drops_all(dropped: list[Any]) -> bool:
    return any(each == "ALL" or _is_open(each) for each in dropped)


def _forbidden(level: str, part: Part, fields: tuple[PodField, ...]) -> Iterator[Offence]:
    for field in fields:
        for value, keys in _values(part, field.path):
            if not _is_open(value) and not field.allows(value):
                text = field.text.format(value=value)
                yield Offence(level, f"{text} of {part.name}" if part.name else text, keys)


def _values(part: Part, path: Path) -> Iterator[tuple[Any, Keys]]:
    """Yield the values at a path, those of every entry where it leads through a list."""
    if "*" not in path:
        yield part.find(*path)
        return
    position = path.index("*")
    listed, keys = part.find(*path[:position])
    for number, entry in enumerate(sequence(listed)):
        value = entry
        for name in path[position + 1 :]:
            value = mapping(value).get(name)
        yield value, (*keys, number, *path[position + 1 :])


def _is_open(value: Any) -> bool:
    """Return whether a value is a variable or a template, and so any."""
    return isinstance(value, str) and ("$" in value or "{{" in value)
