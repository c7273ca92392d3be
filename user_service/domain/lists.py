"""The lists of this service."""

from __future__ import annotations

from typing import Final

from shared.values.lists import ListOf
from shared.values.schemas import QuerySchema
from user_service.domain.schemas import (
    AccountChangeView,
    AccountNameFilter,
    AccountNameView,
    MachineView,
    SessionView,
    UserFilter,
    UserView,
)
from user_service.store import lists

USERS: Final = ListOf(lists.ACCOUNTS, UserFilter, full=UserView, row=UserView)
ACCOUNT_NAMES: Final = ListOf(lists.ACCOUNTS, AccountNameFilter, full=AccountNameView, row=AccountNameView)
MACHINES: Final = ListOf(lists.ACCOUNTS, QuerySchema, full=MachineView, row=MachineView)
SESSIONS: Final = ListOf(lists.SESSIONS, QuerySchema, full=SessionView, row=SessionView)
CHANGES: Final = ListOf(lists.CHANGES, QuerySchema, full=AccountChangeView, row=AccountChangeView)
