"""What bootstrap installs before Flux: the files that a helmfile names."""

from tests.mutations.mutation import Harmless, Mutation

TEMPLATE = "bootstrap/helmfile.yaml.gotmpl"
HELMFILE = "bootstrap/helmfile.d/crds.yaml"
RELEASES = "releases:\n  - name: cilium\n    chart: oci://quay.io/cilium/charts/cilium\n    values: [{file}]\n"
THERE = "../../kubernetes/apps/kube-system/cilium/app/helmrelease.yaml"

MUTATIONS = [
    Mutation(
        "a helmfile with values that are not there",
        "bootstrap-file-missing",
        HELMFILE,
        "values",
        {},
        {HELMFILE: RELEASES.format(file=THERE.replace("apps/kube-system", "appskube-system"))},
    ),
    Mutation(
        "a template of a helmfile with values that are not there",
        "bootstrap-file-missing",
        TEMPLATE,
        "values.yml.gotmpl",
        {TEMPLATE: ("- values.yaml.gotmpl", "- values.yml.gotmpl")},
    ),
]

HARMLESS = [
    Harmless("a helmfile with values that are there", {}, {HELMFILE: RELEASES.format(file=THERE)}),
    Harmless(
        "a helmfile with values from a pattern", {}, {HELMFILE: RELEASES.format(file="'../values/{{ .Name }}.yaml'")}
    ),
    Harmless(
        "a helmfile that goes on without a file",
        {},
        {HELMFILE: "missingFileHandler: Warn\n" + RELEASES.format(file="./nothere.yaml")},
    ),
]
