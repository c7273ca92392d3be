"""Who is in charge of a patient, as the filter and the bulk change name them: an account, or the caller."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ValidationError, ValidatorFunctionWrapHandler, WithJsonSchema, WrapValidator

from shared.errors import FieldProblem
from shared.values.errors import NotAcceptable
from shared.values.schemas import InvalidFields


def _in_words(refusal: Callable[[], NotAcceptable]) -> WrapValidator:
    """One problem instead of one for each kind of value that might have been meant."""

    def read(value: Any, handler: ValidatorFunctionWrapHandler) -> Any:
        try:
            return handler(value)
        except ValidationError:
            raise refusal() from None

    return WrapValidator(read)


def _described(*words: str) -> WithJsonSchema:
    """One kind of value in the documentation, too."""
    pattern = f"^({'|'.join(words)}|[0-9a-fA-F]{{8}}(-[0-9a-fA-F]{{4}}){{3}}-[0-9a-fA-F]{{12}})$"
    return WithJsonSchema({"type": "string", "pattern": pattern, "examples": ["me"]})


AccountOrMe = Annotated[UUID | Literal["me"], _in_words(lambda: NotAcceptable("field.account_or_me")), _described("me")]
AccountMeOrNobody = Annotated[
    UUID | Literal["me", "none"],
    _in_words(lambda: NotAcceptable("field.account_me_or_none")),
    _described("me", "none"),
]


def account_of(wanted: UUID | Literal["me"] | None, caller: UUID | None) -> UUID | None:
    """The account that is meant. Raises `InvalidFields` for `me` of a caller without an account (`AUTH=none`)."""
    if isinstance(wanted, str) and caller is None:
        raise InvalidFields([FieldProblem.of("assigned_to", "field.without_account")])
    return caller if isinstance(wanted, str) else wanted


def accounts_of(wanted: Sequence[UUID | Literal["me", "none"]], caller: UUID | None) -> list[UUID | None]:
    """The accounts that are meant; None: nobody. A caller without an account is in charge of no patient."""
    meant: dict[str, list[UUID | None]] = {"me": [] if caller is None else [caller], "none": [None]}
    return [account for each in wanted for account in (meant[each] if isinstance(each, str) else [each])]
