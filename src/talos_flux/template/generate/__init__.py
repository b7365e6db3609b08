"""Add a namespace, an app or the like to a cluster's repository.

`copier copy --trust generators/app` runs this with Copier's own Python (hooks/add.py), so nothing in here, nor what it
imports, may need a package that Copier does not bring.
"""
