"""What this service is asked and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, WithJsonSchema
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from shared.values.account_enums import AccountChangeKind, AccountKind, Scope
from shared.values.contacts import EmailAddress, PersonName
from shared.values.datetimes import Instant
from shared.values.enums import Role
from shared.values.errors import NotAcceptable
from shared.values.lists import Several
from shared.values.schemas import Distinct, EntityView, QuerySchema, Schema
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


# an example that is refused where a password is chosen: sent unchanged, it makes no account that others could enter
PlainPassword = Annotated[str, ExactText(LONGEST_PASSWORD, example="password password")]
SecretText = Annotated[str, ExactText(LONGEST_SECRET, example="as it was shown when the account was made")]
LinkToken = Annotated[str, ExactText(LONGEST_SECRET, example="what stands behind #token= in the link")]
MachineName = Annotated[Line, Field(examples=["scraper"])]
Scopes = Annotated[list[Scope], Distinct(50), Field(examples=[[Scope.IMPORTS_START.value]])]
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
    """The token: `Authorization: Bearer <token>`."""
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    """The scheme of that header."""
    expires_in: int
    """For how many seconds the token is valid."""


class MachineSignIn(Schema):
    """A machine account, by its id or its name, and its secret."""

    client_id: MachineName
    """The id or the name of the machine account."""
    client_secret: SecretText
    """Its secret."""


class JwkView(Schema):
    """A public key (RFC 8037)."""

    kid: str
    """The id of the key, which the header of a token names."""
    kty: str
    """The kind of key: `OKP`."""
    crv: str
    """The curve: `Ed25519`."""
    x: str
    """The public key itself, as base64url."""
    alg: str
    """The only algorithm that the key is for."""
    use: str
    """`sig`: it checks signatures."""


class JwksView(Schema):
    """The keys with which access tokens are checked (RFC 7517)."""

    keys: list[JwkView]
    """Those that sign, are about to sign, or signed tokens that are still valid."""


# People


def _is_of_people(role: Role) -> Role:
    if role == Role.SERVICE:
        raise NotAcceptable("field.role_of_machines")
    return role


ROLES_OF_PEOPLE = [role.value for role in Role if role != Role.SERVICE]
RoleOfPeople = Annotated[
    Role, AfterValidator(_is_of_people), WithJsonSchema({"type": "string", "enum": ROLES_OF_PEOPLE})
]

RolesOfPeople = Annotated[
    list[RoleOfPeople],
    Distinct(len(ROLES_OF_PEOPLE)),
    Field(min_length=1, examples=[[Role.COORDINATOR.value]]),  # not the first role of all, which is the administrator's
]


class OwnFields(Schema):
    """What a person may change of their own account."""

    name: PersonName
    """The person's name."""


class UserFields(OwnFields):
    """What an administrator may change of a person's account."""

    email: EmailAddress
    """The address with which the person signs in; no other account has it."""
    roles: RolesOfPeople
    """What the person may do."""
    active: bool = True
    """Whether the person may sign in; with false all sessions end."""


class NewUser(Schema):
    """A person who is to have an account; they choose a password when they accept the invitation."""

    name: PersonName
    """The person's name."""
    email: EmailAddress
    """The address with which the person will sign in; no other account may have it."""
    roles: RolesOfPeople
    """What the person may do."""


class UserView(EntityView, UserFields):
    """A person's account."""

    has_password: bool
    """False until the invitation was accepted."""
    otp_enabled: bool
    """Whether signing in needs a one-time password."""
    last_signed_in_at: Instant | None
    """When the person last signed in; null: never."""
    created_by: UUID | None
    """The administrator who made the account; null: a command at the terminal."""


class MeView(EntityView, OwnFields):
    """The caller's own account."""

    email: EmailAddress
    """The address with which the caller signs in."""
    roles: list[Role]
    """What the caller may do."""
    otp_enabled: bool
    """Whether signing in needs a one-time password."""
    recovery_codes_left: int
    """How many recovery codes are not used yet; with none left, turn one-time passwords off and on for new ones."""
    last_signed_in_at: Instant | None
    """When the caller last signed in."""


class UserFilter(QuerySchema):
    """Which accounts of people to list."""

    role: Several[RoleOfPeople] = []
    """Only those who have one of these roles."""
    active: bool | None = None
    """Only those who may sign in, or only those who may not."""


class AccountNameView(Schema):
    """Whose account it is; nothing else of it."""

    id: UUID
    """The id that names in `_by` and `assigned_to` have."""
    kind: AccountKind
    """Whether it is of a person or of a machine."""
    name: str
    """The name of the person or the machine."""
    roles: list[Role]
    """What the person may do."""
    active: bool
    """Whether one may sign in with it; false also of one that was deleted."""


class AccountNameFilter(QuerySchema):
    """Which accounts to name; those that were deleted have still done what logs say."""

    kind: Several[AccountKind] = []
    """Only those of people, or only those of machines."""
    role: Several[RoleOfPeople] = []
    """Only those who have one of these roles."""
    active: bool | None = None
    """Only those with which one may sign in, or only the others."""


class NewPassword(Schema):
    """The present password and the one that is to replace it."""

    current_password: PlainPassword
    """The present password."""
    new_password: PlainPassword
    """The new one: 12 characters or more, and hard to guess."""


class OtpSetup(Schema):
    """Without `otp` a key for one-time passwords is made; with the first of them it is confirmed."""

    otp: OneTimePassword | None = None
    """The one-time password that the app shows now which was given the key."""


class OtpRemoval(Schema):
    """What proves that the person who turns one-time passwords off has the device, or the recovery codes."""

    otp: OneTimePassword | None = None
    """The one-time password that the person's app shows now, or a recovery code; needed where they are on."""


class OtpSetupView(Schema):
    """What is shown once: first the key, as text and as QR code, later the recovery codes."""

    secret: str | None = None
    """The key, to be typed into an app."""
    uri: str | None = None
    """The key with its name (`otpauth://…`), which apps open."""
    qr_code: str | None = None
    """The same as an image: a `data:` URI of an SVG."""
    recovery_codes: list[str] | None = None
    """Each can be entered once in place of a one-time password."""


# Links in e-mails


class PasswordResetRequest(Schema):
    """The address of somebody who cannot sign in any more."""

    email: EmailAddress
    """The e-mail address of the account, to which the link is sent."""


class PasswordChoice(Schema):
    """The token in a link that was sent, and the password that its owner chooses."""

    token: LinkToken
    """What stands behind `#token=` in the link."""
    new_password: PlainPassword
    """The new password: 12 characters or more, and hard to guess."""


# Sessions


class SessionView(Schema):
    """A sign-in of a person that is active: when, from where, and with which program."""

    id: UUID
    """The id of the session, which access tokens name as `sid`."""
    created_at: Instant
    """When the person signed in."""
    last_used_at: Instant
    """When the session last got an access token."""
    expires_at: Instant
    """When it ends if it is not used again."""
    address: str
    """The IP address from which the person signed in; of IPv6 its network (/64)."""
    user_agent: str | None
    """The program that signed in, as it named itself."""
    current: bool
    """Whether it is the session of the caller."""


# Machines


class MachineFields(Schema):
    """What an administrator may change of a machine account."""

    name: MachineName
    """The name of the machine; no other account has it."""
    scopes: Scopes
    """What the machine may call."""
    active: bool = True
    """Whether the machine may sign in."""


class NewMachine(Schema):
    """A machine that is to have an account, and what it may call."""

    name: MachineName
    """The name of the machine; no other account may have it."""
    scopes: Scopes
    """What the machine may call."""


class MachineView(EntityView, MachineFields):
    """A machine account; its `id` is the `client_id` with which it signs in."""

    last_signed_in_at: Instant | None
    """When the machine last signed in; null: never."""
    created_by: UUID | None
    """The administrator who made the account; null: a command at the terminal."""


class MachineSecretView(MachineView):
    """A machine account with its new secret, which is shown once: null in a repeated answer."""

    client_secret: str | None
    """The new secret; null where an answer is repeated."""


# The log of an account


class AccountChangeView(Schema):
    """What happened to an account, when, and who did it (null: a command at the terminal)."""

    id: UUID
    """The id of the entry."""
    change: AccountChangeKind
    """What happened."""
    detail: str | None
    """What it concerned, such as the roles that were given; null: nothing more to say."""
    changed_at: Instant
    """When it happened."""
    changed_by: UUID | None
    """The account that did it; null: a command at the terminal, or nobody who was signed in."""
