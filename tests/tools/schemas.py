"""The fields of the kinds that a cluster may hold, for its checks: names, types and forms, from their authors' modules.

    python -m tests.tools.schemas

writes src/talos_flux/data/schemas.json.xz: the kinds of Kubernetes from its OpenAPI document, custom ones from
the CRDs in tests/support/crds.py. Descriptions and defaults stay out.
"""

import json
import lzma
from typing import Any

from tests.support import crds, modules
from tests.support.render import PROJECT
from tests.support.repository import parse
from tests.tools import catalogue

ARCHIVE = PROJECT / "src/talos_flux/data/schemas.json.xz"
KUBERNETES = f"k8s.io/kubernetes@v{catalogue.KUBERNETES}"
REFERENCE = "#/definitions/"
ANY = "x-kubernetes-preserve-unknown-fields"
# Written as a text or a number, whatever the document says.
LOOSE = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON",
}


def kept(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what checks need of a schema: `type`, `fields`, `items`, `values` (of a map), `required`, `ref`, `enum`.

    And `pattern`, `minimum` and `maximum`. No fields and no values means that anything may stand there.
    """
    if reference := schema.get("$ref"):
        return {} if reference.removeprefix(REFERENCE) in LOOSE else {"ref": reference.removeprefix(REFERENCE)}
    if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
        return {}
    found: dict[str, Any] = {key: schema[key] for key in ("type", "enum") if schema.get(key)}
    found |= {key: schema[key] for key in ("pattern", "minimum", "maximum") if key in schema}
    if schema.get("required"):
        found["required"] = sorted(schema["required"])
    if isinstance(schema.get("items"), dict):
        found["items"] = kept(schema["items"])
    if isinstance(schema.get("additionalProperties"), dict):
        found["values"] = kept(schema["additionalProperties"])
    elif schema.get("properties") and not schema.get(ANY):
        found["fields"] = {name: kept(inner) for name, inner in sorted(schema["properties"].items())}
    return found


def archive() -> dict[str, Any]:
    """{kinds: schema by <group>/<version>/<kind>, definitions: schema by name, cluster: <group>/<kind>}.

    Core kinds have no group; `cluster` are the custom kinds whose objects are in no namespace.
    """
    document = json.loads((modules.folder(KUBERNETES) / "api/openapi-spec/swagger.json").read_text())
    kinds: dict[str, Any] = {}
    definitions = {}
    of_cluster = []
    for name, schema in document["definitions"].items():
        if name not in LOOSE:
            definitions[name] = kept(schema)
        for one in schema.get("x-kubernetes-group-version-kind", []):
            # A name that many versions share is one of the helpers of the API itself, such as DeleteOptions.
            if len(schema["x-kubernetes-group-version-kind"]) == 1:
                kinds["/".join(filter(None, (one["group"], one["version"], one["kind"])))] = {"ref": name}
    incomplete = {
        document["metadata"]["name"] for file in crds.FIXTURES.glob("*.yaml") for document in parse(file.read_text())
    }
    for crd in crds.definitions():
        spec = crd["spec"]
        if crd["metadata"]["name"] in incomplete:
            continue
        for version in spec["versions"]:
            if version.get("served"):
                schema = version.get("schema", {}).get("openAPIV3Schema", {})
                kinds[f"{spec['group']}/{version['name']}/{spec['names']['kind']}"] = kept(schema)
        if spec["scope"] == "Cluster":
            of_cluster.append(f"{spec['group']}/{spec['names']['kind']}")
    for name in (name for name in kinds if name.startswith("notification.toolkit.fluxcd.io/")):
        without_choices(kinds[name], "kind")
    return {"kinds": kinds, "definitions": reached(kinds, definitions), "cluster": sorted(of_cluster)}


def without_choices(schema: Any, field: str) -> None:
    """Let a field hold anything: flux-operator adds its own kinds to those that an Alert or a Receiver can name."""
    if isinstance(schema, dict):
        if isinstance(fields := schema.get("fields"), dict) and field in fields:
            fields[field].pop("enum", None)
        for inner in schema.values():
            without_choices(inner, field)


def reached(kinds: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the definitions that a kind leads to."""
    found: dict[str, Any] = {}
    waiting: list[Any] = list(kinds.values())
    while waiting:
        schema = waiting.pop()
        if isinstance(schema, dict):
            name = schema.get("ref")
            if isinstance(name, str) and name in definitions and name not in found:
                found[name] = definitions[name]
                waiting.append(definitions[name])
            waiting += schema.values()
    return dict(sorted(found.items()))


def packed() -> bytes:
    """Return the archive's bytes, the same each time."""
    return lzma.compress(json.dumps(archive(), sort_keys=True, separators=(",", ":")).encode(), preset=9)


if __name__ == "__main__":
    ARCHIVE.write_bytes(packed())
    print(f"{ARCHIVE.relative_to(PROJECT)}: {len(archive()['kinds'])} kinds, {ARCHIVE.stat().st_size // 1024} KiB")
