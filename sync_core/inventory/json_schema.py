"""The JSON Schema of an inventory, made from the model that validates it."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from sync_core.inventory.variables import DocumentModel

__all__ = ["schema"]

_DEFINITIONS = "#/definitions/{model}"


class _Draft07(GenerateJsonSchema):
    """Writes draft-07: another dialect, and no defaults, since what is not set depends on the host's role."""

    schema_dialect = "http://json-schema.org/draft-07/schema#"

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        # All mappings have constrained names; pydantic leaves it open what other names may hold.
        return {**super().dict_schema(schema), "additionalProperties": False}

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        made = super().generate(schema, mode)
        made["definitions"] = made.pop("$defs")
        return {"$schema": self.schema_dialect, **made}


def schema() -> dict[str, object]:
    """Return the JSON Schema (draft-07) that describes an inventory file.

    It says all that a schema can say: names of variables, kinds and bounds of values. References between hosts,
    roles, and what a placeholder becomes are beyond it; ``load`` checks those.
    """
    made: dict[str, Any] = DocumentModel.model_json_schema(
        by_alias=False, ref_template=_DEFINITIONS, schema_generator=_Draft07
    )
    return made
