"""Newer versions of charts, and what they change for the releases of this repository.

pins.py finds the pinned versions, constraint.py orders versions and reads limits, http.py, registry_login.py and
registry.py ask registries, cache.py reads local charts, sources.py combines these, archive.py reads a chart, compare.py
compares two charts by our values, rendering.py runs helm template, updates.py combines the results, apply.py writes new
versions, charts_report.py prints them.
"""


class ChartUnavailable(Exception):
    """Why a chart or its versions can't be fetched, as the end of a sentence."""
