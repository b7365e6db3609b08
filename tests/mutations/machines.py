"""Machine configurations: what no other tool looks into, and nodes of which files say different things."""

from tests.mutations.mutation import Harmless, Mutation

KUBELET = "talos/patches/global/kubelet.yaml"
NETWORK = "talos/patches/controller/network.yaml"
SCHEDULER = "talos/patches/controller/scheduler.yaml"
ETCD = "talos/patches/controller/etcd.yaml"
SYSCTLS = "talos/patches/global/sysctls.yaml"
EXTRA = "talos/patches/global/extra.yaml"
INVENTORY = "talos/inventory.yaml"
NODE = "talos/nodes/k8s-1.yaml"
PULLS = "  serializeImagePulls: false\n"
OPTION, KERNEL, NODE_RULE = "machine-option-unknown", "kernel-option-malformed", "node-differs"


def extra(name: str, rule: str, at: str, text: str) -> Mutation:
    """Return a mutation that adds a patch for all machines."""
    return Mutation(name, rule, EXTRA, at, writes={EXTRA: f"---\n{text}"})


def of_node(name: str, at: str, old: str, new: str) -> Mutation:
    """Return a mutation of a node's own file."""
    return Mutation(name, NODE_RULE, NODE, at, {NODE: (old, new)})


def of_inventory(name: str, at: str, old: str, new: str) -> Mutation:
    """Return a mutation of the inventory, which has each text once."""
    return Mutation(name, NODE_RULE, INVENTORY, at, {INVENTORY: (old, new)})


MUTATIONS = [
    Mutation(
        "an option of kubelet with a typo",
        OPTION,
        KUBELET,
        "serializeImagePuls",
        {KUBELET: (PULLS, PULLS.replace("Pulls", "Puls"))},
    ),
    Mutation(
        "an option of kubelet of another case",
        OPTION,
        KUBELET,
        "serializeimagepulls",
        {KUBELET: (PULLS, PULLS.lower())},
    ),
    Mutation(
        "an option inside of an option of kubelet",
        OPTION,
        KUBELET,
        "maxContainerRestartPeriods",
        {KUBELET: ("maxContainerRestartPeriod:", "maxContainerRestartPeriods:")},
    ),
    Mutation(
        "a text for a switch of kubelet",
        OPTION,
        KUBELET,
        "serializeImagePulls",
        {KUBELET: (PULLS, PULLS.replace("false", '"false"'))},
    ),
    Mutation(
        "an option of kubelet that Talos sets",
        OPTION,
        KUBELET,
        "protectKernelDefaults",
        {KUBELET: (PULLS, f"{PULLS}  protectKernelDefaults: false\n")},
    ),
    Mutation(
        "a flag of the API server with a typo",
        OPTION,
        NETWORK,
        "enable-agregator-routing",
        {NETWORK: ("enable-aggregator-routing", "enable-agregator-routing")},
    ),
    Mutation(
        "a flag of the API server that Talos sets",
        OPTION,
        NETWORK,
        "etcd-servers",
        {NETWORK: ("enable-aggregator-routing", "etcd-servers")},
    ),
    Mutation(
        "a flag with its dashes",
        OPTION,
        NETWORK,
        "enable-aggregator-routing",
        {NETWORK: ("enable-aggregator-routing", "--enable-aggregator-routing")},
    ),
    Mutation(
        "an option of the scheduler",
        OPTION,
        SCHEDULER,
        "pluginConfigs",
        {SCHEDULER: ("pluginConfig:", "pluginConfigs:")},
    ),
    extra(
        "an option of kubelet in the old form",
        OPTION,
        "shutdownGracePeriods",
        "machine:\n  kubelet:\n    extraConfig:\n      shutdownGracePeriods: 90s\n",
    ),
    extra(
        "a flag of kubelet in the old form",
        OPTION,
        "rotate-server-certificate:",
        'machine:\n  kubelet:\n    extraArgs:\n      rotate-server-certificate: "true"\n',
    ),
    extra(
        "a flag of the controller manager",
        OPTION,
        "bind-adress",
        "cluster:\n  controllerManager:\n    extraArgs:\n      bind-adress: 0.0.0.0\n",
    ),
    extra(
        "a flag of etcd",
        OPTION,
        "quota-backend-byte:",
        'cluster:\n  etcd:\n    extraArgs:\n      quota-backend-byte: "4294967296"\n',
    ),
    extra(
        "a flag of kube-proxy",
        OPTION,
        "metrics-bind-adress",
        "cluster:\n  proxy:\n    extraArgs:\n      metrics-bind-adress: 0.0.0.0:10249\n",
    ),
    extra(
        "an option of kube-proxy",
        OPTION,
        "metricsBindAdress",
        "apiVersion: v1alpha1\nkind: KubeProxyConfig\nconfig:\n  metricsBindAdress: 0.0.0.0:10249\n",
    ),
    Mutation(
        "a kernel parameter with its value",
        KERNEL,
        SYSCTLS,
        '"net.core.rmem_max=7500000"',
        {SYSCTLS: ('net.core.rmem_max: "7500000"', '"net.core.rmem_max=7500000": ""')},
    ),
    Mutation(
        "a kernel parameter with a space",
        KERNEL,
        SYSCTLS,
        "net.core rmem_max",
        {SYSCTLS: ("net.core.rmem_max", "net.core rmem_max")},
    ),
    Mutation(
        "a kernel parameter of no folder", KERNEL, SYSCTLS, "rmem_max", {SYSCTLS: ("net.core.rmem_max", "rmem_max")}
    ),
    Mutation(
        "a kernel parameter of a folder with a typo",
        KERNEL,
        SYSCTLS,
        "nett.core.rmem_max",
        {SYSCTLS: ("net.core.rmem_max", "nett.core.rmem_max")},
    ),
    extra(
        "a kernel parameter in the old form",
        KERNEL,
        "vm max_map_count",
        'machine:\n  sysctls:\n    vm max_map_count: "262144"\n',
    ),
    extra(
        "an argument of the kernel with spaces",
        KERNEL,
        "net.ifnames = 0",
        "machine:\n  install:\n    extraKernelArgs:\n      - net.ifnames = 0\n",
    ),
    of_node("a node of another address", "address: 192.168.1.77", "address: 192.168.1.98/", "address: 192.168.1.77/"),
    of_node("a node of another name", "hostname:", "hostname: k8s-1", "hostname: k8s-11"),
    of_node("a gateway out of reach", "routes:", "gateway: 192.168.1.254", "gateway: 192.168.2.254"),
    of_node("another disk", "match:", "/dev/nvme0n1", "/dev/nvme1n1"),
    of_node("another address of the API", "name: 192.168.1.102", "name: 192.168.1.101", "name: 192.168.1.102"),
    of_inventory(
        "another role than in the answers",
        "role: worker",
        "k8s-3\n    address: 192.168.1.100\n    role: controller",
        "k8s-3\n    address: 192.168.1.100\n    role: worker",
    ),
    Mutation(
        "a file of no node",
        NODE_RULE,
        "talos/nodes/k8s-9.yaml",
        "# of no node",
        writes={"talos/nodes/k8s-9.yaml": "# of no node\n---\nmachine:\n  type: worker\n"},
    ),
    Mutation(
        "subnets that kubelet takes no address of",
        NODE_RULE,
        KUBELET,
        "validSubnets",
        {KUBELET: ("192.168.1.0/24", "192.168.2.0/24")},
    ),
    Mutation(
        "subnets that etcd takes no address of",
        NODE_RULE,
        ETCD,
        "advertisedSubnets",
        {ETCD: ("192.168.1.0/24", "192.168.2.0/24")},
    ),
]

HARMLESS = [
    Harmless(
        "a second link with a route to its own network",
        {
            NODE: (
                "  - gateway: 192.168.1.254\n",
                "  - gateway: 192.168.1.254\n---\napiVersion: v1alpha1\nkind: LinkConfig\nname: enp2s0f0np0\n"
                "addresses:\n  - address: 10.100.0.0/31\nroutes:\n"
                "  - destination: 10.100.0.4/31\n    gateway: 10.100.0.1\n",
            )
        },
    ),
    Harmless("a patch that takes an option away", {KUBELET: (PULLS, "  serializeImagePulls:\n    $patch: delete\n")}),
    Harmless(
        "a flag with several values",
        {},
        {EXTRA: '---\ncluster:\n  apiServer:\n    extraArgs:\n      audit-log-maxage: ["30"]\n      v: "4"\n'},
    ),
    Harmless(
        "a second link with addresses of its own",
        {},
        {EXTRA: "---\napiVersion: v1alpha1\nkind: LinkConfig\nname: eth9\naddresses:\n  - address: 10.9.0.2/24\n"},
    ),
    Harmless(
        "kernel parameters with slashes and names of links",
        {
            SYSCTLS: (
                'net.core.rmem_max: "7500000"',
                'net/ipv4/conf/eth0.100/rp_filter: "0"\n  net.ipv4.conf.eth0/5.rp_filter: "0"',
            )
        },
    ),
    Harmless(
        "a kernel argument in a schematic",
        {},
        {
            "talos/schematic-extra.yaml": "---\ncustomization:\n  extraKernelArgs:\n"
            "    - -console\n    - console=ttyS1,115200n8\n    - nouveau.modeset=0\n"
        },
    ),
]
