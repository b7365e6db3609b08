"""What breaks clusters of this layout, found in the files before Flux finds it.

files.py reads YAML with its lines, objects.py names what is in it, patching.py and replacing.py do what kustomize does,
values.py adds what releases take from ConfigMaps, flux.py follows what Flux applies, providers.py who brings what,
readable.py tells secrets by their looks, graph_mermaid.py and graph_svg.py draw, rules.py holds what a rule is. The
folder topics has the rules.
"""
