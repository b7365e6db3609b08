"""Newer versions of charts, and what they change for the releases of this repository.

pins.py finds which version stands where, versions.py orders versions and reads limits, web.py, login.py and
registry.py ask registries, shelf.py reads charts that are here, sources.py is all of them in one, chart.py is what is
in a chart, compare.py holds two of them against our values, rendering.py lets helm make manifests of them, updates.py
puts it together, apply.py writes, report.py tells.
"""


class NotHad(Exception):
    """Why something can't be had, as the end of a sentence."""
