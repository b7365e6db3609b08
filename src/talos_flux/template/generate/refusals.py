"""Checks that refuse an addition, each with one sentence that names the value and the rule."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from talos_flux.errors import UserError, did_you_mean
from talos_flux.paths import ANSWERS_FILE
from talos_flux.repository.apps import Repository
from talos_flux.repository.generators import OF_NAMESPACES, Generator, generator_named
from talos_flux.template.component_record import LEVELS
from talos_flux.template.generate.destination import Destination, holds_files
from talos_flux.template.generate.template_source import TemplateCheckout

OF_KUBERNETES = ("kube-node-lease", "kube-public")
# The Kustomization of this name is made by Flux.
FLUX_SYSTEM = "flux-system"


# --- The destination ---


def refuse_destination(
    generator: Generator, destination: Destination, template: TemplateCheckout, catalogue: Mapping[str, list[str]]
) -> None:
    """Raise UserError when a generator can't add anything there. `catalogue`: the template's apps by namespace."""
    refuse_a_bad_name(generator, destination, template)
    refuse_a_namespace_of_others(destination, catalogue)
    if not generator.is_in_a_namespace:
        refuse_what_exists(generator, destination)
        return
    refuse_a_core_apps_name(destination, catalogue)
    refuse_what_exists(generator, destination)
    refuse_a_taken_name(destination)
    refuse_a_broken_namespace(destination)


def refuse_a_bad_name(generator: Generator, destination: Destination, template: TemplateCheckout) -> None:
    """Raise UserError for a name that Kubernetes does not accept."""
    for name, longest in (
        (destination.namespace, generator_named(OF_NAMESPACES).longest_name),
        (destination.folder.name, generator.longest_name),
    ):
        if error := template.macro("names", "name_error", name, longest).strip():
            raise UserError(f"{error}.")


def refuse_a_namespace_of_others(destination: Destination, catalogue: Mapping[str, Any]) -> None:
    """Raise UserError for a new namespace that belongs to Kubernetes, or to a component that is off."""
    if destination.namespace in OF_KUBERNETES:
        raise UserError(f"{destination.namespace} is a namespace of Kubernetes itself: take another name.")
    if destination.namespace in catalogue and not destination.has_namespace:
        apps = ", ".join(catalogue[destination.namespace])
        raise UserError(
            f"{destination.namespace} belongs to a component that is off in this cluster ({apps}): switch it on, or "
            "take another name."
        )


def refuse_what_exists(generator: Generator, destination: Destination) -> None:
    """Raise UserError for a folder that is not empty, or a file."""
    if (destination.folder / ANSWERS_FILE).exists():
        how = "`copier update --defaults --data <question>=<answer>` in it changes an answer"
        raise UserError(f"{destination} exists already: {how}.")
    if destination.folder.exists() and not destination.folder.is_dir():
        raise UserError(f"{destination} is a file, not the folder of {generator.with_article}.")
    if holds_files(destination.folder):
        raise UserError(f"{destination} exists already, and is not empty.")


def refuse_a_core_apps_name(destination: Destination, catalogue: Mapping[str, list[str]]) -> None:
    """Raise UserError for a name that the cluster uses, or will use once a component is on."""
    if destination.app == FLUX_SYSTEM or any(destination.app in apps for apps in catalogue.values()):
        raise UserError(
            f"{destination.app} is the name of a core app, whether this cluster has it or not: take another name."
        )


def refuse_a_taken_name(destination: Destination) -> None:
    """Raise UserError for the name of another Flux Kustomization: all of them share one namespace."""
    if kustomization := destination.repository.kustomizations.get(destination.app):
        raise UserError(
            f"{destination.app} is the name of the Flux Kustomization in "
            f"{destination.repository.short(kustomization[0])}: a name is used once in a cluster."
        )


def refuse_a_broken_namespace(destination: Destination) -> None:
    """Raise UserError for a namespace without a kustomization in which an app can be registered."""
    if not destination.has_namespace:
        return
    path = destination.folder_of_namespace / "kustomization.yaml"
    if not path.exists():
        raise UserError(f"{destination.repository.short(path)} is missing: an app is registered there.")
    documents = destination.repository.documents(path)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise UserError(f"{destination.repository.short(path)} is no kustomization: one mapping with resources.")


# --- The answers ---


def refuse_answers(
    repository: Repository, template: TemplateCheckout, cluster: Mapping[str, Any], answers: Mapping[str, Any]
) -> None:
    """Raise UserError for answers of an app that are valid, but not in this cluster."""
    refuse_unknown_dependencies(repository, answers.get("app_depends_on") or [])
    refuse_a_host_without_certificate(repository, answers)
    refuse_a_taken_host(repository, answers)
    refuse_metrics_that_nobody_collects(repository, answers)
    refuse_a_taken_address(repository, template, cluster, answers.get("app_load_balancer_address") or "")


def refuse_a_host_without_certificate(repository: Repository, answers: Mapping[str, Any]) -> None:
    """Raise UserError for a host name that the wildcard certificate does not cover."""
    host, domain = answers.get("app_host"), repository.domain
    if host and domain not in (repository.spelled_out(host), repository.spelled_out(host).partition(".")[2]):
        raise UserError(f"{host} is neither {domain} nor one label below it, and no certificate covers another name.")


def refuse_metrics_that_nobody_collects(repository: Repository, answers: Mapping[str, Any]) -> None:
    """Raise UserError for a ServiceMonitor in a cluster without that kind."""
    if answers.get("app_scrape") and "prometheus-operator-crds" not in repository.kustomizations:
        raise UserError("app_scrape needs the component monitoring, which is off.")


def refuse_a_taken_host(repository: Repository, answers: Mapping[str, Any]) -> None:
    """Raise UserError for a host name of another app."""
    host = answers.get("app_host")
    if host and (owner := repository.owner_of_host(host)):
        raise UserError(f"{host} is a host name of {repository.short(owner)} already: give another with app_host.")


def refuse_a_taken_address(
    repository: Repository, template: TemplateCheckout, cluster: Mapping[str, Any], address: str
) -> None:
    """Raise UserError for an IP address that is not in Cilium's pool, or is taken."""
    pool = cluster.get("load_balancer_pool", "")
    if not address:
        return
    if pool and not template.macro("net", "is_in_pool", address, pool).strip():
        raise UserError(f"app_load_balancer_address {address} is not in the cluster's load_balancer_pool, {pool}.")
    for name in ("dns_address", "internal_address", "external_address"):
        if cluster.get(name) == address:
            raise UserError(f"app_load_balancer_address {address} is {name} of the cluster already.")
    wanted = re.compile(rf"lbipam\.cilium\.io/ips:[^\n]*(?<![0-9.]){re.escape(address)}(?![0-9.])")
    for path in sorted(repository.folder_of_apps.rglob("*.yaml")):
        if wanted.search(path.read_text(errors="replace")):
            raise UserError(f"app_load_balancer_address {address} is taken by {repository.short(path)}.")


def refuse_unknown_dependencies(repository: Repository, names: Iterable[str]) -> None:
    """Raise UserError for a Kustomization that does not exist, since the app would wait for ever."""
    for name in names:
        if name not in repository.kustomizations:
            hint = did_you_mean(name, repository.kustomizations)
            raise UserError(f"{name} is no app of this cluster, so nothing can depend on it{hint}")


def refuse_a_stricter_namespace(destination: Destination, level: str, record: Mapping[str, Any]) -> None:
    """Raise UserError when a component of the user's own needs more of its namespace than that allows."""
    needed = str(record["pod_security"])
    if LEVELS.index(level) < LEVELS.index(needed):
        raise UserError(
            f"pod_security of {destination.folder.name} is {needed}, and {destination.namespace} has {level}: take "
            "another namespace, or change the label in its namespace.yaml."
        )


def refuse_what_pod_security_forbids(namespace: str, level: str, answers: Mapping[str, Any]) -> None:
    """Raise UserError for pods that the namespace's pod security would not admit."""
    if level != "restricted":
        return
    if answers.get("app_root"):
        raise UserError(
            f"app_root is not allowed in {namespace}: its pod security is restricted, where nothing is root."
        )
    if answers.get("app_backup") and answers.get("backups") == "nfs":
        raise UserError(
            f"app_backup is not possible in {namespace}: its pod security is restricted, which allows no NFS volumes, "
            "and the cluster's backups go to one."
        )
    for mount in answers.get("app_mounts") or []:
        if "nfs" in mount:
            raise UserError(
                f"{mount['path']} can't be an nfs mount in {namespace}: its pod security is restricted, which allows "
                "claims but no NFS volumes."
            )
