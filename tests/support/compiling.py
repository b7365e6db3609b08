"""Copier in two thirds of the time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import yaml
from jinja2 import Environment

from talos_flux.repository.apps import Loader

Compiled = dict[tuple[str, str | None], Any]


@contextmanager
def compiling_once(compiled: Compiled | None = None) -> Iterator[None]:
    """Let Jinja compile each text once, and libyaml read the questions, where it is there.

    Copier compiles `when`, `ask` and every part of every path anew, each time, and reads YAML in Python. `compiled` is
    what is known already, for one template; what is compiled here is added.
    """
    compiled = {} if compiled is None else compiled
    compile_source = Environment.compile

    def compile_once(environment: Environment, source: Any, name: Any = None, *rest: Any, **named: Any) -> Any:
        # Copier's yield tag takes note of itself while it is parsed, so it must be parsed each time.
        if not isinstance(source, str) or "yield" in source:
            return compile_source(environment, source, name, *rest, **named)
        if (source, name) in compiled:
            environment.preprocess(source)  # where Copier forgets an earlier yield tag
        else:
            compiled[source, name] = compile_source(environment, source, name, *rest, **named)
        return compiled[source, name]

    with mock.patch.object(Environment, "compile", compile_once), mock.patch.object(yaml, "SafeLoader", Loader):
        yield
