"""`make demo`: the main job on the screen, from a scraped file to an e-mail to a therapist."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import click

from operations import commands
from operations.explained_commands import ExplainedCommand
from operations.mail import Mailbox
from operations.orchestrator import Orchestrator
from operations.sign_in import AccessTokens
from shared.runtime.terminal import print_line
from testkit.api_client import ApiClient, Document
from testkit.synthetic_region import therapists

BERLIN = ZoneInfo("Europe/Berlin")
THERAPISTS = 300
ASKED_PER_PATIENT = 8

PATIENTS: list[Document] = [
    {
        "first_name": "Mara",
        "last_name": "Winterlicht",
        "date_of_birth": "1994-03-12",
        "gender": "female",
        "street": "Beispielgasse",
        "house_number": "4",
        "postal_code": "52062",
        "city": "Aachen",
        "email": "mara.winterlicht@example.org",
        "insurance_type": "statutory",
        "diagnoses": ["F32.1G"],
        "availability": {
            "tuesday": [{"start": "08:00", "end": "20:00"}],
            "thursday": [{"start": "15:00", "end": "20:00"}],
        },
        "max_distance_km": 25,
        "travel_mode": "car",
        "preferred_procedures": ["VT", "TP"],
    },
    {
        "first_name": "Jonas",
        "last_name": "Ährenfeld",
        "date_of_birth": "1987-11-02",
        "gender": "male",
        "postal_code": "50667",
        "city": "Köln",
        "insurance_type": "statutory",
        "diagnoses": ["F41.1G"],
        "max_distance_km": 15,
        "travel_mode": "transit",
    },
    {
        "first_name": "Elif",
        "last_name": "Sommerau",
        "date_of_birth": "2001-07-30",
        "gender": "female",
        "postal_code": "52066",
        "city": "Aachen",
        "insurance_type": "statutory",
        "diagnoses": ["F43.2G"],
        "max_distance_km": 30,
        "travel_mode": "car",
        "open_to_group_therapy": True,
        "languages": ["de", "tr"],
    },
]


def run(platform: Orchestrator, *, say: Any = print) -> None:
    """Run the whole demo against a running platform; raises `OperationsError` where a step does not happen."""
    with AccessTokens(platform.settings) as tokens:
        _show(ApiClient(platform.settings, tokens), platform, say)


def _show(api: ApiClient, platform: Orchestrator, say: Any) -> None:
    began = time.monotonic()

    say("\n1. The scraper drops a file of therapists; the therapist service imports it by itself")
    _import(api, say)

    say("\n2. Staff enter patients; each search begins when the patient's record is complete")
    patients = [_enter(api, fields, say) for fields in PATIENTS]

    say("\n3. Candidates, with the reasons for each")
    chosen = {patient["id"]: _show_candidates(api, patient, say) for patient in patients}

    say("\n4. Staff approve the contact lists: from here on practices may be asked")
    for patient in patients:
        approved = api.approve(patient["id"], chosen[patient["id"]])
        say(f"   {patient['reference']}: {len(approved['items'])} approved, {len(approved['refused'])} refused")

    say("\n5. Requests for one therapist gather, then become one e-mail or one planned call")
    _show_requests(api, patients, say)

    say("\n6. What a practice reads")
    _show_email(api, platform, patients, say)

    say(f"\nDone in {time.monotonic() - began:.0f} s. {_next_steps(api, patients)}")


def _import(api: ApiClient, say: Any) -> None:
    # a seed of its own each time: therapists who were written to are not written to again for seven days
    seed = int(time.time()) % 1_000_000
    name = api.drop_import_file(therapists(THERAPISTS, seed=seed), datetime.now(UTC))
    done = api.until(
        lambda: (found := api.import_of(name)) and found["status"] != "running" and found, f"the import of {name}"
    )
    counts = ", ".join(f"{number} {what}" for what, number in done["counts"].items() if number)
    say(f"   {name}: {done['status']}, {counts}")
    if done["counts"]["waiting"]:
        approved = api.approve_import(done["id"])
        say(f"   staff approve the {approved} records that wait for them; IMPORT_PASSES would let them pass")


def _enter(api: ApiClient, fields: Document, say: Any) -> Document:
    patient = api.enter_patient(**fields)
    patient = api.start_search(patient["id"])
    where = f"{fields['postal_code']} {fields['city']}"
    say(f"   {patient['reference']}  {where}, {patient['status']}; consent to name the diagnosis group is recorded")
    return patient


def _show_candidates(api: ApiClient, patient: Document, say: Any) -> list[str]:
    found = api.until(
        lambda: (answer := api.candidates(patient["id"], limit=ASKED_PER_PATIENT))["candidates"] and answer,
        "candidates",
    )
    excluded = ", ".join(f"{rule} {number}" for rule, number in found["excluded"].items() if number) or "nobody"
    say(f"   {patient['reference']}: excluded by {excluded}")
    for candidate in found["candidates"][:3]:
        therapist = api.get("therapist", f"/api/therapists/{candidate['therapist_id']}")
        reasons = " ".join(reason["text"] for reason in candidate["reasons"])
        say(f"     {candidate['rank']}. {therapist['last_name']}, {therapist['city']}: {reasons}")
    return [candidate["therapist_id"] for candidate in found["candidates"]]


def _show_requests(api: ApiClient, patients: list[Document], say: Any) -> None:
    def all_are_asked() -> list[Document] | None:
        found = [request for patient in patients for request in api.requests_of(patient["id"])]
        inquiries: list[Document] = api.get("communication", "/api/inquiries", limit=200)["items"]
        included = {request for inquiry in inquiries for request in inquiry["placement_request_ids"]}
        pending = [r for r in found if r["id"] not in included]
        mailed = [i for i in inquiries if i["channel"] == "email"]
        return inquiries if not pending and mailed and any(r["status"] == "contacted" for r in found) else None

    api.until(all_are_asked, "every request to be in an inquiry, and one to have gone out", seconds=90)
    for patient in patients:
        statuses = [request["status"] for request in api.requests_of(patient["id"])]
        counted = ", ".join(f"{statuses.count(status)} {status}" for status in dict.fromkeys(statuses))
        say(f"   {patient['reference']}: {counted}")
    calls = api.get("communication", "/api/phone-calls", status="planned", limit=200)
    for call in calls["items"][:3]:
        say(f"   call planned at {_berlin(call['starts_at'])} for {_patients(len(call['placement_request_ids']))}")
    if calls["total"] > 3:
        say(f"   … and {calls['total'] - 3} more calls")


def _patients(number: int) -> str:
    return f"{number} patient{'' if number == 1 else 's'}"


def _berlin(instant: str) -> str:
    return datetime.fromisoformat(instant).astimezone(BERLIN).strftime("%a %d.%m. %H:%M")


def _show_email(api: ApiClient, platform: Orchestrator, patients: list[Document], say: Any) -> None:
    references = [patient["reference"] for patient in patients]
    if "mail" not in api.settings["LOCAL_PARTS"]:
        say("   (the e-mails went to your own mail server)")
        return

    def email() -> Document | None:
        for mail in reversed(platform.mailbox.mails()):
            whole = platform.mailbox.mail(mail["id"])
            if any(reference in (whole.get("text") or "") for reference in references):
                return whole
        return None

    mail = api.until(email, "an e-mail in the mail catcher")
    say("   (several practices may share this address)")
    say(f"   To: {mail['to']}\n   Subject: {mail['subject']}\n")
    say("\n".join(f"   | {line}" for line in mail["text"].strip().splitlines()))


def _next_steps(api: ApiClient, patients: list[Document]) -> str:
    patient = patients[0]["id"]
    request = next((r["id"] for r in api.requests_of(patient) if r["status"] == "contacted"), "<request>")
    mailbox = Mailbox.of(api.settings).url
    call = api.curl()
    return f"""Try next:
   {call} '{api.url("matching")}/api/placement-requests?patient_id={patient}'
   {call} '{api.url("communication")}/api/inquiries?limit=3'
   {call} -X POST -H 'Content-Type: application/json' -H 'Idempotency-Key: {uuid4()}' \\
        -d '{{"outcome": "accepted", "occurred_at": "{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}}' \\
        {api.url("matching")}/api/placement-requests/{request}/response
   {call} -X POST -H 'Content-Type: application/json' -d '{{"first_session_on": "{datetime.now(BERLIN):%Y-%m-%d}"}}' \\
        {api.url("matching")}/api/placement-requests/{request}/place
   {call} {api.url("patient")}/api/patients/{patient}
   all mails: make mails, or {mailbox}    every API: {api.url("patient")}/docs    stop: make down"""


@click.command(cls=ExplainedCommand)
def main() -> None:
    """Start what is missing, then run the main job on the screen."""
    commands.up()
    run(commands.orchestrator(), say=print_line)


if __name__ == "__main__":
    main(prog_name="python -m testkit.demo")
