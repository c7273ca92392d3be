"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md), `verify-access-log`
(docs/faults.md).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
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


class _Anchor(click.ParamType[tuple[int, bytes]]):
    """An anchor as the log has it: its number and its hash."""

    name = "NUMBER:HASH"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, bytes]:
        """Returns both."""
        found = re.fullmatch(r"(\d{1,9}):([0-9a-f]{64})", value)
        if found is None:
            self.fail(f"{value!r} is not a number, a colon and the 64 digits of a hash.", param, ctx)
        return int(found[1]), bytes.fromhex(found[2])


@commands.command("verify-access-log")
@click.option(
    "--anchor", "anchors", type=_Anchor(), multiple=True, help="One that the log has: it must be the same here."
)
@with_service
def _verify_access_log(_service: AnyService, _settings: ServiceSettings, anchors: Sequence[tuple[int, bytes]]) -> None:
    """Verify that the access log is what was written.

    Says what was changed, removed or inserted, and ends with 1 then. The service serves meanwhile.
    """
    entries = anchored = wrong = 0
    for portion in jobs.verify_access_log(dict(anchors)):
        entries, anchored = entries + portion.entries, anchored + portion.anchors
        wrong += len(portion.problems)
        for each in portion.problems:
            print_line(each)
        show_progress(f"{entries} entries and {anchored} anchors read")
    print_line(f"\n{entries} entries and {anchored} anchors verified, {wrong} of them not as they were written")
    if wrong:
        sys.exit(1)
