"""The commands of services whose rows name keys: `python -m <service> keys | rewrap` (docs/keys.md)."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import click

from shared.database import transaction
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress
from shared.security.key_rings import KeyRings


def key_commands(rings: Callable[[Any], KeyRings]) -> click.Group:
    """Returns the commands of a service; `rings` finds its rings in its dependencies."""

    @click.group()
    def commands() -> None:
        """The commands about keys."""

    @commands.command("keys")
    @with_service
    def _keys(service: AnyService, settings: ServiceSettings) -> None:
        """List keys by their ids, and how much each has written.

        They are those of the service's rings, and others that rows name. A key that has 0 rows and does not write can
        be taken out of its ring.
        """
        _list(rings(service.dependencies(settings)))

    @commands.command("rewrap")
    @with_service
    def _rewrap(service: AnyService, settings: ServiceSettings) -> None:
        """Wrap patients' keys with the newest key of the ring.

        That is the first of them. The service serves meanwhile. It may be broken off at any time: the next run goes on
        with the rest. What is encrypted with patients' keys stays as it is.
        """
        _wrap_anew(rings(service.dependencies(settings)))

    return commands


def _list(rings: KeyRings) -> None:
    with transaction() as session:
        found = rings.uses(session)
    width = max(len(each.setting) for each in found)
    for each in found:
        print_line(f"{each.setting:<{width}}  {each.id}  {each.role:<7}  {each.rows} rows")


def _wrap_anew(rings: KeyRings) -> None:
    ring = rings.wrapping
    with transaction() as session:
        rings.check(session)
        total = ring.count_to_rewrap(session)
    done, damaged = 0, list[UUID]()
    for portion in ring.rewrap_all():
        done += portion.number
        damaged += portion.damaged
        show_progress(f"{done} of {total}")
    with transaction() as session:
        left = ring.count_to_rewrap(session)
    print_line(f"\n{done} keys wrapped anew, {left} left")
    for patient_id in damaged:
        print_line(f"the key of patient {patient_id} cannot be opened, and stays as it is")
    if left:
        sys.exit(f"The older keys of {ring.setting} are still needed: run it again, or see docs/keys.md.")
