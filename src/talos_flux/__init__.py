"""The tools of a cluster that copier-talos-flux made.

cli is the way in. Below it, each layer imports only what is below itself:

    template, apps, validate, upgrades
    diagnose
    talos, charts
    check
    manifests
    kube, secrets
    repository
    process, terminal, install
    paths, errors
"""
