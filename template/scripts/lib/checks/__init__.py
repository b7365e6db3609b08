"""What breaks clusters of this layout, found in the files before Flux finds it.

files.py reads YAML with its lines, objects.py names what is in it, patching.py applies patches, flux.py follows what
Flux applies, providers.py who brings what, readable.py tells secrets by their looks, graph_picture.py draws, rules.py
holds what a rule is. The folder topics has the rules.
"""
