"""A file with 10,000 patients: how long until all of them are entered, and how that compares with posting them."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Iterator

import requests

from benchmarks.figures import Figure, at_most, share_at_least
from benchmarks.patients import posted_per_second
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform

ROWS = 10_000
ANOTHER_TURN = 10_000
"""None of the benchmark of posting, so that nobody is entered twice."""
FIELDS = {
    "gender": "female",
    "street": "Musterweg",
    "house_number": "1",
    "postal_code": "52062",
    "city": "Aachen",
    "insurance_type": "statutory",
    "diagnoses": "F32.1G|F40.1V",
    "max_distance_km": "25",
    "availability.monday": "09:00-12:00",
    "anamnesis.complaints": "Schläft schlecht, isst wenig und geht kaum noch aus dem Haus.",
}


def measure(platform: PrivatePlatform) -> list[Figure]:
    """Measure a file of which all or nobody is entered, and one row by row, both by the worker."""
    api = ApiClient(platform.settings)
    whole = _seconds(api, _file("Ganz"), "refuse_file")
    by_row = _seconds(api, _file("Einzeln"), "skip_row")
    posted = posted_per_second(api.url("patient", "/api/patients"), ANOTHER_TURN, api.tokens.headers())
    return [
        at_most("entering a file of 10,000 patients, all or nobody", whole, "s", 60),
        at_most("entering a file of 10,000 patients, row by row", by_row, "s", 60),
        share_at_least(
            "patients of a file against posting them at full load", ROWS / whole, "rows/s", 1, baseline=posted
        ),
    ]


def _rows(name: str) -> Iterator[dict[str, str]]:
    for number in range(ROWS):
        ending = "".join(chr(97 + number // 26**place % 26) for place in range(3))
        born = f"{1930 + number % 90}-{number // 90 % 12 + 1:02}-{number // 1080 % 28 + 1:02}"
        yield {
            "first_name": name,
            "last_name": f"Nachname{ending}",
            "date_of_birth": born,
            **FIELDS,
            "house_number": str(number),
        }


def _file(name: str) -> bytes:
    written = io.StringIO()
    writer = csv.DictWriter(written, ["first_name", "last_name", "date_of_birth", *FIELDS], delimiter=";")
    writer.writeheader()
    writer.writerows(_rows(name))
    return written.getvalue().encode()


def _seconds(api: ApiClient, file: bytes, on_problem: str) -> float:
    """From the beginning of the upload until the import is over."""
    headers = {**api.tokens.headers(), "Content-Type": "text/csv"}
    started = time.perf_counter()
    url = api.url("patient", f"/api/patient-imports?on_problem={on_problem}")
    sent = requests.post(url, data=file, headers=headers, timeout=60)
    sent.raise_for_status()
    uploaded = time.perf_counter() - started
    while (known := api.get("patient", f"/api/patient-imports/{sent.json()['id']}"))["finished_at"] is None:
        time.sleep(0.1)
    if known["entered"] != ROWS:
        raise RuntimeError(f"{known['entered']} of {ROWS} were entered")
    print(f"{on_problem}: {len(file) / 1e6:.1f} MB, taken in after {uploaded:.1f} s")
    return time.perf_counter() - started
