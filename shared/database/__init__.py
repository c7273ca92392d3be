"""PostgreSQL through PgBouncer: transactions, columns that every table has, locks, what the database's errors mean."""

from sqlalchemy.orm import Session

from shared.database.columns import (
    GERMAN,
    NAMES,
    Aggregate,
    Copy,
    Erasable,
    column_types,
    first_version,
    is_one_of,
    new_id,
    text_list,
)
from shared.database.errors import ChangedMeanwhile, is_trouble, lost_to_others, sqlstate, waited_too_long
from shared.database.locks import (
    lock_rows,
    next_locked,
    take_turn,
    take_turns,
    try_to_take_turn,
    try_to_take_turns,
    wait_for_longer,
)
from shared.database.session import (
    WHOLE_TRANSACTION,
    Executor,
    connect,
    database_answers,
    database_clock,
    engine_for,
    repeat_if_lost,
    single_statements,
    transaction,
    use,
)

__all__ = [
    "GERMAN",
    "NAMES",
    "WHOLE_TRANSACTION",
    "Aggregate",
    "ChangedMeanwhile",
    "Copy",
    "Erasable",
    "Executor",
    "Session",
    "column_types",
    "connect",
    "database_answers",
    "database_clock",
    "engine_for",
    "first_version",
    "is_one_of",
    "is_trouble",
    "lock_rows",
    "lost_to_others",
    "new_id",
    "next_locked",
    "repeat_if_lost",
    "single_statements",
    "sqlstate",
    "take_turn",
    "take_turns",
    "text_list",
    "transaction",
    "try_to_take_turn",
    "try_to_take_turns",
    "use",
    "wait_for_longer",
    "waited_too_long",
]
