"""Rules across the fields of a schema: declared with the fields that their refusals name, and said in the document."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from pydantic import BaseModel, model_validator

from shared.values.errors import NotAcceptable


def rule_across(*fields: str) -> Callable[[Callable[[Any], None]], Any]:
    """Let a method of a schema check the whole of it; its refusals are about these fields, by their names in JSON.

    A refusal that knows better names its own: `NotAcceptable(…, fields=[…])`. The method's docstring says the rule to
    readers of the OpenAPI document.
    """

    def declare(check: Callable[[Any], None]) -> Any:
        @wraps(check)
        def checked(self: Any) -> Any:
            try:
                check(self)
            except NotAcceptable as refused:
                raise NotAcceptable(str(refused), fields=refused.fields or fields) from None
            return self

        checked.fields = fields  # type: ignore[attr-defined]
        return model_validator(mode="after")(checked)

    return declare


def describe_with_rules(model: type[BaseModel], description: str | None) -> str:
    """What is said of a schema, and the rules across its fields."""
    checks = [declared.func for declared in model.__pydantic_decorators__.model_validators.values()]
    said = [check.__doc__ or "" for check in checks if hasattr(check, "fields")]
    return "\n\n".join(filter(None, [description, " ".join(said)]))


def without_rule() -> Any:
    """What takes the place of a rule across fields in a schema where it does not hold, under the rule's name."""
    return model_validator(mode="after")(_unchecked)


def _unchecked(self: Any) -> Any:
    return self
