"""The rules that find in the files of a repository what would break its cluster, and how findings are shown.

rule.py holds what a rule is and where findings are waived, output.py prints findings, graph_mermaid.py and graph_svg.py
draw what waits for what. The folder rules has the rules. What they read is in talos_flux.manifests: objects with their
lines, patches and replacements of kustomize, values of releases, and what Flux applies.
"""
