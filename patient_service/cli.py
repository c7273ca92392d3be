"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md)."""

from __future__ import annotations

import sys
from uuid import UUID

import click

from patient_service import jobs
from patient_service.domain import key_rings
from shared.database import transaction
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress


@click.group()
def commands() -> None:
    """The commands of the patient service's own."""


@commands.command("keys")
@with_service
def _keys(service: AnyService, settings: ServiceSettings) -> None:
    """List keys by their ids, and how much each has written.

    They are those of MASTER_KEY and INDEX_KEY, and others that rows name. A key that has 0 rows and does not write can
    be taken out of its ring.
    """
    with transaction() as session:
        found = key_rings.uses(session, service.dependencies(settings).keys)
    for each in found:
        print_line(f"{each.setting:<10}  {each.id}  {each.role:<7}  {each.rows} rows")


@commands.command("rewrap")
@with_service
def _rewrap(service: AnyService, settings: ServiceSettings) -> None:
    """Wrap patients' keys with the newest master key.

    That is the first of MASTER_KEY. The service serves meanwhile. It may be broken off at any time: the next run goes
    on with the rest. The patients' data stay as they are.
    """
    keys = service.dependencies(settings).keys
    with transaction() as session:
        key_rings.check(session, keys)
        total = key_rings.count_to_rewrap(session, keys)
    done, damaged = 0, list[UUID]()
    for portion in jobs.rewrap(keys):
        done += portion.number
        damaged += portion.damaged
        show_progress(f"{done} of {total}")
    with transaction() as session:
        left = key_rings.count_to_rewrap(session, keys)
    print_line(f"\n{done} keys wrapped anew, {left} left")
    for patient_id in damaged:
        print_line(f"the key of patient {patient_id} cannot be opened, and stays as it is")
    if left:
        sys.exit("The older keys of MASTER_KEY are still needed: run it again, or see docs/keys.md.")
