"""Pods that ask for more than their namespace allows: media enforces baseline."""

from tests.mutations.mutation import APP, MEDIA, Harmless, Mutation

RULE = "pod-security-refused"
RELEASE = f"{APP}/app/helmrelease.yaml"
MANIFEST = f"{MEDIA}/manifests-internal-none/app/deployment.yaml"
NAMESPACE = f"{MEDIA}/namespace.yaml"
LEVEL = "    pod-security.kubernetes.io/enforce: baseline\n"
PRIVILEGED = LEVEL.replace("baseline", "privileged")
OPTIONS = "    defaultPodOptions:\n"
VOLUME = (
    "    persistence:\n",
    "    persistence:\n      dri:\n        type: hostPath\n        hostPath: /dev/dri\n",
)
NETWORK = (OPTIONS, f"{OPTIONS}      hostNetwork: true\n")
POD = "      enableServiceLinks: false\n"
DROP = "            allowPrivilegeEscalation: false\n"
OF_RELEASE = f"  {DROP}"


def in_release(name: str, at: str, replaced: tuple[str, str]) -> Mutation:
    return Mutation(name, RULE, RELEASE, at, {RELEASE: replaced})


def in_manifest(name: str, at: str, replaced: tuple[str, str]) -> Mutation:
    return Mutation(name, RULE, MANIFEST, at, {MANIFEST: replaced})


MUTATIONS = [
    in_release("a device of the host in a namespace of level baseline", "hostPath: /dev/dri", VOLUME),
    in_release("the host's network in a namespace of level baseline", "hostNetwork: true", NETWORK),
    in_release(
        "a capability in a namespace of level baseline",
        "NET_ADMIN",
        (
            OF_RELEASE + "              capabilities:\n",
            OF_RELEASE + "              capabilities:\n                add:\n                  - NET_ADMIN\n",
        ),
    ),
    in_release(
        "a volume of the chart's custom kind",
        "hostPath: {path: /dev}",
        (
            "    persistence:\n",
            "    persistence:\n      dev:\n        type: custom\n        volumeSpec:\n"
            "          hostPath: {path: /dev}\n",
        ),
    ),
    in_release(
        "a controller's own pod",
        "hostIPC: true",
        ("        strategy: Recreate\n", "        strategy: Recreate\n        pod:\n          hostIPC: true\n"),
    ),
    in_release(
        "a probe of another host",
        "startup:",
        ("                  tcpSocket: *health\n", "                  tcpSocket: {port: 1, host: example.net}\n"),
    ),
    in_manifest("the host's processes", "hostPID: true", (POD, f"{POD}      hostPID: true\n")),
    in_manifest("a privileged container", "privileged: true", (DROP, "            privileged: true\n")),
    in_manifest(
        "a port of the host",
        "hostPort: 80",
        ("containerPort: 8080\n", "containerPort: 8080\n              hostPort: 80\n"),
    ),
    in_manifest(
        "a volume of the host",
        "hostPath: {path: /tmp}",
        ("          emptyDir: {}\n", "          hostPath: {path: /tmp}\n"),
    ),
    in_manifest(
        "a profile that is none",
        "type: Unconfined",
        ("          type: RuntimeDefault\n", "          type: Unconfined\n"),
    ),
    in_manifest(
        "a system control of the node",
        "name: kernel.msgmax",
        (
            "      securityContext:\n        runAsNonRoot: true\n",
            "      securityContext:\n        runAsNonRoot: true\n        sysctls:\n"
            '          - name: kernel.msgmax\n            value: "1"\n',
        ),
    ),
    Mutation(
        "a namespace without a label, which Talos takes for baseline",
        RULE,
        RELEASE,
        "hostNetwork: true",
        {RELEASE: NETWORK, NAMESPACE: (f"  labels:\n{LEVEL}", "")},
    ),
]
HARMLESS = [
    Harmless(
        "a device of the host in a namespace that allows everything",
        {RELEASE: VOLUME, NAMESPACE: (LEVEL, PRIVILEGED)},
    ),
]
