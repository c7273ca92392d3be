"""Rules across the fields of a schema: declared with the fields that errors name, and described in the document."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import BaseModel, model_validator

from shared.values.errors import NotAcceptable


def rule_across(*fields: str) -> Callable[[Callable[[Any], None]], Any]:
    """Make a method of a schema check the whole object; its errors name these fields, by their names in JSON.

    An error may name others: `NotAcceptable(…, fields=[…])`. The method's docstring is the rule's description in the
    OpenAPI document.
    """

    def declare(check: Callable[[Any], None]) -> Any:
        @wraps(check)
        def checked(self: Any) -> Any:
            try:
                check(self)
            except NotAcceptable as refused:
                refused.fields = refused.fields or fields
                raise
            return self

        checked.fields = fields  # type: ignore[attr-defined]
        return model_validator(mode="after")(checked)

    return declare


def describe_with_rules(model: type[BaseModel], description: str | None) -> str:
    """Returns the description of a schema with the rules across its fields."""
    checks = [declared.func for declared in model.__pydantic_decorators__.model_validators.values()]
    rules = [check.__doc__ or "" for check in checks if hasattr(check, "fields")]
    return "\n\n".join(filter(None, [description, " ".join(rules)]))


def without_rule() -> Any:
    """Returns a replacement for a rule across fields, by the rule's name, in a schema to which it does not apply."""
    return model_validator(mode="after")(_unchecked)


def _unchecked(self: Any) -> Any:
    return self
