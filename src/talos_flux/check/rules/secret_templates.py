"""Rules about the templates by which External Secrets writes Secrets."""

from talos_flux.check.rule import Severity, Violations, rule
from talos_flux.manifests.flux_tree import Cluster
from talos_flux.manifests.go_templates import problem_of
from talos_flux.manifests.reference_table import EXTERNAL_SECRETS
from talos_flux.manifests.releases import Keys, mapping

# Where each kind has its template.
TEMPLATES: dict[str, Keys] = {
    "ExternalSecret": ("spec", "target", "template"),
    "ClusterExternalSecret": ("spec", "externalSecretSpec", "target", "template"),
    "PushSecret": ("spec", "template"),
}


@rule(
    "template-malformed",
    Severity.ERROR,
    "External Secrets makes no Secret of a template that it can't parse, and keeps an old one as it is.",
    "Correct the template: it is one of Go, with the functions of Sprig and of External Secrets.",
)
def template_malformed(cluster: Cluster) -> Violations:
    """Find templates of External Secrets that Go can't parse, or that call what is no function there."""
    for item in cluster.applied:
        keys = TEMPLATES.get(item.kind, ())
        if item.group != EXTERNAL_SECRETS or not keys:
            continue
        template = mapping(item.get(*keys))
        if str(template.get("engineVersion") or "v2") != "v2":
            continue
        for key, text in mapping(template.get("data")).items():
            if isinstance(text, str) and "{{" in text and (problem := problem_of(text)):
                yield item.at(*keys, "data", key), f"the template of {key} in {item} {problem}"
