"""What this service is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.values.account_enums import AccountChangeKind, SessionEnd
from shared.values.contacts import EmailAddress, PersonName
from shared.values.datetimes import Instant
from shared.values.enums import Role, Scope
from shared.values.errors import NotAcceptable
from shared.values.schemas import Distinct, EntityView, Page, PageQuery, Schema
from shared.values.text import Line

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1000
"""Code points: to compose a text takes time that grows with the square of its length."""
LONGEST_SECRET = 200


@dataclass(frozen=True)
class ExactText:
    """A text that is taken exactly as it was sent, outer blanks included: a password, a token."""

    longest: int
    example: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(min_length=1, max_length=self.longest, strip_whitespace=False)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "pattern": r"^[^\x00]*$", "format": "password", "examples": [self.example]}


PlainPassword = Annotated[str, ExactText(LONGEST_PASSWORD, example="elf Birken am Waldrand 7")]
SecretText = Annotated[str, ExactText(LONGEST_SECRET, example="as it was shown when the account was made")]
OneTimePassword = Annotated[str, ExactText(40, example="123456")]


# Signing in


class PersonSignIn(Schema):
    """Who signs in; `otp` is the one-time password, or a recovery code, of an account that uses them."""

    email: EmailAddress
    """The e-mail address of the account."""
    password: PlainPassword
    """The password, exactly as it was chosen."""
    otp: OneTimePassword | None = None
    """The one-time password that the person's app shows now, or a recovery code."""


class AccessToken(Schema):
    """A token for the header `Authorization`, and for how many seconds it is valid."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_in: int


class MachineSignIn(Schema):
    """A machine account, by its id or its name, and its secret."""

    client_id: Line
    """The id or the name of the machine account."""
    client_secret: SecretText
    """Its secret."""


class JwkView(Schema):
    """A public key (RFC 8037)."""

    kid: str
    kty: str
    crv: str
    x: str
    alg: str
    use: str


class JwksView(Schema):
    """The keys with which access tokens are checked (RFC 7517)."""

    keys: list[JwkView]


# People


def _is_of_people(role: Role) -> Role:
    if role == Role.SERVICE:
        raise NotAcceptable("must be a role of people; service is that of machines")
    return role


ROLES_OF_PEOPLE = [role.value for role in Role if role != Role.SERVICE]
RoleOfPeople = Annotated[
    Role, AfterValidator(_is_of_people), WithJsonSchema({"type": "string", "enum": ROLES_OF_PEOPLE})
]


class OwnFields(Schema):
    """What a person may change of their own account."""

    name: PersonName
    """The person's name."""


class UserFields(OwnFields):
    """What an administrator may change of a person's account."""

    email: EmailAddress
    """The address with which the person signs in; no other account has it."""
    roles: Annotated[list[RoleOfPeople], Distinct(len(ROLES_OF_PEOPLE)), Field(min_length=1)]
    """What the person may do."""
    active: bool = True
    """Whether the person may sign in; with false all sessions end."""


class NewUser(Schema):
    """A person who is to have an account; they choose a password when they accept the invitation."""

    name: PersonName
    """The person's name."""
    email: EmailAddress
    """The address with which the person will sign in; no other account may have it."""
    roles: Annotated[list[RoleOfPeople], Distinct(len(ROLES_OF_PEOPLE)), Field(min_length=1)]
    """What the person may do."""


class UserView(EntityView, UserFields):
    """A person's account."""

    has_password: bool
    """False until the invitation was accepted."""
    otp_enabled: bool
    last_signed_in_at: Instant | None
    created_by: UUID | None


class MeView(EntityView, OwnFields):
    """The caller's own account."""

    email: EmailAddress
    roles: list[Role]
    otp_enabled: bool
    last_signed_in_at: Instant | None


class UserFilter(PageQuery):
    """Which accounts of people to list."""

    role: RoleOfPeople | None = None
    """Only those who have this role."""
    active: bool | None = None
    """Only those who may sign in, or only those who may not."""


UserPage = Page[UserView]


class NewPassword(Schema):
    """The password that counts now and the one that is to replace it."""

    current_password: PlainPassword
    """The password that counts now."""
    new_password: PlainPassword
    """The one that is to count from now on: 12 characters or more, and hard to guess."""


# Sessions


class SessionView(Schema):
    """One sign-in of a person: when, from where, with which program, and whether it still goes on."""

    id: UUID
    created_at: Instant
    last_used_at: Instant
    expires_at: Instant
    address: str
    user_agent: str | None
    current: bool
    """Whether it is the session of the caller."""
    ended_at: Instant | None
    end_reason: SessionEnd | None


SessionPage = Page[SessionView]


# Machines


class MachineFields(Schema):
    """What an administrator may change of a machine account."""

    name: Line
    """The name of the machine; no other account has it."""
    scopes: Annotated[list[Scope], Distinct(50)]
    """What the machine may call."""
    active: bool = True
    """Whether the machine may sign in."""


class NewMachine(Schema):
    """A machine that is to have an account, and what it may call."""

    name: Line
    """The name of the machine; no other account may have it."""
    scopes: Annotated[list[Scope], Distinct(50)]
    """What the machine may call."""


class MachineView(EntityView, MachineFields):
    """A machine account; its `id` is the `client_id` with which it signs in."""

    last_signed_in_at: Instant | None
    created_by: UUID | None


class MachineSecretView(MachineView):
    """A machine account with its new secret, which is shown once: null in a repeated answer."""

    client_secret: str | None


MachinePage = Page[MachineView]


# The log of an account


class AccountChangeView(Schema):
    """What happened to an account, when, and who did it (null: a command at the terminal)."""

    id: UUID
    change: AccountChangeKind
    detail: str | None
    changed_at: Instant
    changed_by: UUID | None


AccountChangePage = Page[AccountChangeView]
