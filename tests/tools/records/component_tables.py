"""The tables that Copier reads, made of the records."""

import itertools
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tests.support.render import PROJECT
from tests.tools.records.component import ROLES, Component
from tests.tools.records.made import MADE, choice_of, in_order, pin_question, pins_of, scalar, with_choices

MADE_OF_RECORDS = MADE.format("template/kubernetes/apps/*/component.yaml")
EXPRESSION = re.compile(r"\{\{ (.+?) \}\}")


def all_tables(components: Iterable[Component]) -> dict[Path, str]:
    """Return each table as it should be, by its path. What is around the choices of a question stays as it is.

    ValueError for a component that waits for one that is none.
    """
    listed = tuple(sorted(components, key=lambda each: (each.namespace, each.name)))
    names = {each.name for each in listed}
    for each in listed:
        if unknown := set(each.depends_on) - names:
            raise ValueError(f"{each.name}: depends_on has no component {min(unknown)}.")
    question, versions = PROJECT / "questions/components.yml", PROJECT / "questions/component_pins.yml"
    return {
        PROJECT / "macros/catalogue.jinja": catalogue(listed),
        PROJECT / "macros/component_secrets.jinja": secret_values(listed),
        PROJECT / "questions/charts.yml": chart_sources(listed),
        versions: pins(listed, versions.read_text() if versions.exists() else ""),
        question: with_choices(question.read_text(), "components", choices(listed)),
    }


# --- macros/catalogue.jinja ---


def catalogue(components: tuple[Component, ...]) -> str:
    """Return the namespaces with their apps, and what each app does, in Jinja."""
    lines = [
        f"{{#- {MADE_OF_RECORDS} Import with context. -#}}",
        "{% from 'macros/dns.jinja' import dns with context %}",
        "{% from 'macros/secrets_backend.jinja' import secrets, secrets_source with context %}",
    ]
    lines.append("{% set catalogue = [")
    for namespace, apps in itertools.groupby(components, lambda each: each.namespace):
        lines.append(f"  dict(name={namespace!r}, apps=[")
        for app in apps:
            fields = [f"{key}={value}" for key, value in row(app).items()]
            lines += ["    dict(", *(f"      {each}," for each in fields), "    ),"]
        lines.append("  ]),")
    roles = ["", "{#- What a component may wait for without knowing which it is. -#}", f"{{% set roles = {ROLES!r} %}}"]
    texts = [f"    {app.name!r}: {text(app.does)}," for app in components]
    macro = ["", "{#- What each app does, by its name; here, because it may say what follows from other tables. -#}"]
    macro += ["{% macro what_each_app_does() -%}", "  {{- {", *texts, "  } | to_json -}}", "{%- endmacro %}"]
    return "\n".join([*lines, "] %}", *roles, *macro, ""])


def row(app: Component) -> dict[str, str]:
    """Return what the catalogue says of an app: expressions of Jinja."""
    secret = text(app.secret)
    if app.secret_when:
        secret = f"{secret} if {app.secret_when} else ''"
    manifests = ", ".join(f"{name!r}: {when or 'true'}" for name, when in app.manifests.items())
    optional = {
        "when": app.when,
        "depends_on": app.depends_on and list(app.depends_on),
        "secret": app.secret and secret,
        "item": app.item and repr(app.item),
        "current_when": app.current_when and list(app.current_when),
    }
    return {
        "name": repr(app.name),
        "tier": repr(app.tier),
        "pod_security": repr(app.pod_security),
        **{key: str(value) for key, value in optional.items() if value},
        "manifests": f"{{{manifests}}}",
    }


def text(template: str) -> str:
    """Return a text with expressions of Jinja in it as one expression."""
    parts = EXPRESSION.split(template)
    shown = [f"({part})" if number % 2 else repr(part) for number, part in enumerate(parts) if part]
    return " ~ ".join(shown)


# --- macros/component_secrets.jinja ---


def secret_values(components: Iterable[Component]) -> str:
    """Return what bootstrap/secrets.yaml and the pages say of the Secrets of components, in Jinja."""
    rows, entries, forms = ["{% set secrets_of_components = ["], [], []
    for app in sorted(components, key=lambda each: each.name):
        if values := app.secret_values:
            item = app.item or app.secret
            when = " and ".join(condition for condition in (app.when, app.secret_when) if condition) or "true"
            names = ", ".join(values.key_names)
            rows.append(f"  ({app.secret!r}, {app.namespace!r}, {item!r}, {names!r}, {values.user!r}, {when}),")
            entries += [
                f"{{% if {when} %}}",
                f"  - name: {app.secret}",
                f"    namespace: {app.namespace}",
                f"    app: {app.name}{{{{ item({item!r}) }}}}",
                f"    consumer: {values.consumer}",
                "    keys:",
                *(f"      {line}" for line in values.keys.rstrip("\n").split("\n")),
                "{% endif %}",
            ]
            if values.forms:
                said = ", ".join(f"{key}: {form}" for key, form in values.forms.items())
                forms += [f"{{% if {when} %}}", f"  {app.secret}: {{{said}}}", "{% endif %}"]
    above = [f"{{#- {MADE_OF_RECORDS} Import with context. -#}}"]
    above.append("{% from 'macros/secrets.jinja' import item with context %}")
    return "\n".join(
        [
            *above,
            *rows,
            "] %}",
            "\n{% macro entries_of_components() %}",
            *entries,
            "{% endmacro %}",
            "\n{% macro forms_of_components() %}",
            *forms,
            "{% endmacro %}\n",
        ]
    )


# --- questions/ ---


def chart_sources(components: tuple[Component, ...]) -> str:
    """Return the question with the chart sources, those that are always there first."""

    def lines(app: Component) -> Iterator[str]:
        if app.chart:
            source = f'name: {app.chart.name}, url: "{app.chart.url}", tag: "{{{{ {app.chart.pin} }}}}"'
            yield f"    - {{{source}}}"

    above = (
        f"# Where each chart comes from and its version: kubernetes/flux/meta/repos/<name>.yaml.\n# {MADE_OF_RECORDS}\n"
        "chart_sources:\n  type: yaml\n  default: |\n"
    )
    return above + "".join(_by_condition(components, lines)) + "  when: false\n"


def pins(components: tuple[Component, ...], before: str) -> str:
    """Return the questions that record the version of each chart and image.

    They keep the order that they have in the file before, and with it that of the answers files; new ones come last.
    """
    questions = {
        name: pin_question(name, scalar(pin["version"]), app.when)
        for app in components
        for name, pin in app.pins.items()
    }
    found = in_order(pins_of(before), questions)
    return f"# Charts and images, as the versions in questions/pins.yml.\n# {MADE_OF_RECORDS}\n\n" + "\n".join(found)


def choices(components: tuple[Component, ...]) -> dict[str, str]:
    """Return the choices of the question `components`, by name."""
    chosen = sorted((app.choice for app in components if app.choice), key=lambda choice: choice.name)
    return {choice.name: choice_of(choice.name, choice.text) for choice in chosen}


def _by_condition(components: tuple[Component, ...], lines: Callable[[Component], Iterable[str]]) -> Iterator[str]:
    """Yield lines of components, each below an `if` with its condition, which they share."""
    by_condition = sorted(components, key=lambda each: (each.when, each.name))
    for when, apps in itertools.groupby(by_condition, lambda each: each.when):
        found = [f"{line}\n" for app in apps for line in lines(app)]
        if found and when:
            found = [f"    {{% if {when} %}}\n", *found, "    {% endif %}\n"]
        yield from found
