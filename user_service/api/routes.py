"""Every address of this service, and who may call it."""

from __future__ import annotations

from shared.http import Route
from shared.security.authentication import ADMINS, ANYONE, SIGNED_IN
from shared.values.enums import Role
from user_service.api.account_pages import AcceptInvitationPage, AccountPageFile, ResetPasswordPage
from user_service.api.links import (
    AcceptedInvitationResource,
    CompletedPasswordResetResource,
    PasswordResetCollection,
)
from user_service.api.machine_accounts import (
    MachineAccountCollection,
    MachineAccountItem,
    MachineAccountSecretResource,
)
from user_service.api.me import MeResource, OwnOtpResource, OwnPasswordResource, OwnSessionCollection, OwnSessionItem
from user_service.api.sign_in import (
    JwksResource,
    LoginResource,
    LogoutResource,
    MachineTokenResource,
    RefreshResource,
)
from user_service.api.users import (
    AccountNameCollection,
    InvitationResource,
    UserCollection,
    UserHistoryResource,
    UserItem,
    UserOtpResource,
    UserSessionCollection,
    UserSessionItem,
)

ROUTES = [
    Route("/.well-known/jwks.json", JwksResource, get=ANYONE),
    Route("/api/auth/login", LoginResource, post=ANYONE),
    Route("/api/auth/refresh", RefreshResource, post=ANYONE),
    Route("/api/auth/logout", LogoutResource, post=ANYONE),
    Route("/api/auth/token", MachineTokenResource, post=ANYONE),
    Route("/api/auth/invitations/accept", AcceptedInvitationResource, post=ANYONE),
    Route("/api/auth/password-resets", PasswordResetCollection, post=ANYONE),
    Route("/api/auth/password-resets/complete", CompletedPasswordResetResource, post=ANYONE),
    Route("/accept-invitation", AcceptInvitationPage, get=ANYONE),
    Route("/reset-password", ResetPasswordPage, get=ANYONE),
    Route("/account-pages/<name>", AccountPageFile, get=ANYONE),
    Route("/api/me", MeResource, get=SIGNED_IN, patch=SIGNED_IN),
    Route("/api/me/password", OwnPasswordResource, post=SIGNED_IN),
    Route("/api/me/otp", OwnOtpResource, post=SIGNED_IN, delete=SIGNED_IN),
    Route("/api/me/sessions", OwnSessionCollection, get=SIGNED_IN, delete=SIGNED_IN),
    Route("/api/me/sessions/<uuid:id>", OwnSessionItem, delete=SIGNED_IN),
    Route("/api/accounts", AccountNameCollection, get=SIGNED_IN),
    Route("/api/users", UserCollection, get=ADMINS, post=ADMINS),
    Route("/api/users/<uuid:id>", UserItem, get=ADMINS, patch=ADMINS, delete=ADMINS),
    Route("/api/users/<uuid:id>/history", UserHistoryResource, get=ADMINS | {Role.AUDITOR}),
    Route("/api/users/<uuid:id>/invite", InvitationResource, post=ADMINS),
    Route("/api/users/<uuid:id>/otp", UserOtpResource, delete=ADMINS),
    Route("/api/users/<uuid:id>/sessions", UserSessionCollection, get=ADMINS, delete=ADMINS),
    Route("/api/users/<uuid:id>/sessions/<uuid:session_id>", UserSessionItem, delete=ADMINS),
    Route("/api/machine-accounts", MachineAccountCollection, get=ADMINS, post=ADMINS),
    Route("/api/machine-accounts/<uuid:id>", MachineAccountItem, get=ADMINS, patch=ADMINS, delete=ADMINS),
    Route("/api/machine-accounts/<uuid:id>/secret", MachineAccountSecretResource, post=ADMINS),
]
