"""Newer versions of charts, and what they change for the releases of this repository.

pins.py finds the pinned versions, constraint.py orders versions and reads limits, http.py, registry_login.py and
registry.py ask registries, cache.py reads local charts, sources.py combines these, archive.py reads a chart, compare.py
compares two charts by our values, rendering.py runs helm template, updates.py combines the results, apply.py writes new
versions, charts_report.py prints them.

For the checks, at_hand.py has the charts that are on this computer, kept.py keeps what registries said, bounded.py asks
them, go_template.py and keys_read.py find the keys that templates read, known_keys.py and known_shapes.py have those of
app-template and what it takes for them, value_schemas.py and chart_values.py hold values against a chart,
image_references.py looks for images.
"""


class ChartUnavailable(Exception):
    """Why a chart or its versions can't be fetched, as the end of a sentence."""


class NotThere(ChartUnavailable):
    """A registry that knows the chart or image says that it has no such version."""


class Unreachable(ChartUnavailable):
    """A host can't be reached, or is too slow."""
