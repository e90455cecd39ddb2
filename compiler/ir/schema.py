"""The IR's JSON Schema, generated from its models: what `schemas/trc-ir.schema.json` holds."""

from __future__ import annotations

from typing import Any

from trc.compiler.ir.pipeline import IR_VERSION, Pipeline


def ir_json_schema() -> dict[str, Any]:
    """The schema that every dumped pipeline is valid under, as JSON Schema 2020-12."""
    schema = Pipeline.model_json_schema(mode="serialization")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": f"trc pipeline, IR version {IR_VERSION}",
    }
