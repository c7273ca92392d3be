"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md), `verify-access-log`
(docs/faults.md).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import click

from patient_service import jobs
from patient_service.dependencies import Dependencies
from patient_service.domain import key_rings
from shared.runtime.key_commands import key_commands
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line, show_progress
from shared.security.key_rings import KeyRings


def _rings(dependencies: Dependencies) -> KeyRings:
    return key_rings.rings(dependencies.keys)


commands = key_commands(_rings)


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
