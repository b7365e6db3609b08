"""What breaks clusters of this layout, found in the files before Flux finds it.

files.py reads YAML with its lines, objects.py names what is in it, patching.py applies patches, flux.py follows what
Flux applies, readable.py tells secrets by their looks, rules.py holds what a rule is. The folder topics has the rules.
"""
