"""The records of the components, component.yaml beside the manifests of each, and the tables that follow from them.

`make tables` writes the tables; `make check` compares them.
"""
