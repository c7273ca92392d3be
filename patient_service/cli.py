"""Commands of this service's own: `python -m patient_service keys | rewrap` (docs/keys.md) `| erase-restored`."""

from __future__ import annotations

import click

from patient_service.dependencies import Dependencies
from patient_service.domain import erasures, key_rings
from shared.database import transaction
from shared.events.catalogue import PatientErased
from shared.events.cluster import command_configuration
from shared.events.comparison import subjects_of
from shared.events.event import TOPICS
from shared.runtime import clock
from shared.runtime.key_commands import key_commands
from shared.runtime.operator_commands import AnyService, with_service
from shared.runtime.settings import ServiceSettings
from shared.runtime.terminal import print_line
from shared.security.key_rings import KeyRings


def _rings(dependencies: Dependencies) -> KeyRings:
    return key_rings.rings(dependencies.keys)


commands = key_commands(_rings)


@commands.command("erase-restored")
@click.option("--yes", is_flag=True, help="Erase them; without it they are only listed.")
@with_service
def _erase_restored(service: AnyService, settings: ServiceSettings, yes: bool) -> None:
    """Erase again those who came back with a backup.

    For after a restore, before the service serves. Kafka knows of everybody who was erased.
    """
    kafka = command_configuration(settings.kafka_client())
    erased = subjects_of(kafka, TOPICS["patient"], PatientErased)
    with transaction() as session:
        found = erasures.list_restored(session, erased)
    keys = service.dependencies(settings).keys
    for patient_id in found:
        if yes:
            with transaction() as session:
                erasures.erase_again(session, keys, patient_id, now=clock.now())
        print_line(f"{patient_id} {'is erased again' if yes else 'was erased before, and is here'}")
    print_line(f"{len(found)} of {len(erased)} who were erased came back")
