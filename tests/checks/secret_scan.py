"""`make check`: no secret is in a file that git knows.

Secrets with a form of their own (private keys, access tokens, addresses with a password, our own generated ones) are
looked for in every file. Words beside a name like `password` are looked for where ruff does not look already (S105 to
S107), which is everywhere but in Python. There is no list of exceptions; a line that must have such a form, in a test
for instance, says `pragma: allowlist secret`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
from detect_secrets.core.secrets_collection import SecretsCollection
from detect_secrets.settings import transient_settings

from tests.architecture.sources import ROOT

Plugin = dict[str, Any]

FORMS: Sequence[Plugin] = (
    *(
        {"name": f"{kind}Detector"}
        for kind in (
            "AWSKey", "AzureStorageKey", "BasicAuth", "GitHubToken", "GitLabToken", "JwtToken", "Npm", "PrivateKey",
            "PypiToken", "SendGrid", "Slack", "Stripe",
        )
    ),
    {"name": "Base64HighEntropyString", "limit": 4.3},  # what `make env` generates
    {"name": "HexHighEntropyString", "limit": 3.7},  # keys of 256 bits; an id of 128 bits has less
)  # fmt: skip
WORDS: Sequence[Plugin] = ({"name": "KeywordDetector"},)

DATA = (
    ".csv", "package-lock.json",
    *(f"requirements/{name}.txt" for name in ("dev", "runtime", "tracing", "object-storage", "image")),
)  # fmt: skip
"""Tables of places, and hashes of packages."""

OTHERWISE_CHECKED = (".py", ".md", "sentences.js")
"""Python, which ruff looks at, and sentences that speak of passwords."""

FILTERS: Sequence[dict[str, Any]] = (
    {"path": "detect_secrets.filters.allowlist.is_line_allowlisted"},
    # the name of a test in which `ghs_` is found; the gateway's table of paths with `password` in them
    {"path": "detect_secrets.filters.regex.should_exclude_line", "pattern": [r"^def test_\w+\(", r'^ +"~\^/']},
)


def secrets(files: Iterable[Path]) -> Iterator[str]:
    """Returns a line for each secret in these files: its place and its kind, never the secret."""
    files = [each for each in files if not str(each).endswith(DATA)]
    yield from _found(FORMS, files)
    yield from _found(WORDS, [each for each in files if not str(each).endswith(OTHERWISE_CHECKED)])


def _found(plugins: Sequence[Plugin], files: Iterable[Path]) -> Iterator[str]:
    with transient_settings({"plugins_used": plugins, "filters_used": FILTERS}):
        collection = SecretsCollection()
        collection.scan_files(*map(str, files), num_processors=os.cpu_count() or 1)
        for name, secret in collection:
            yield f"{name}:{secret.line_number}: {secret.type}"


def known_to_git(folder: Path) -> list[Path]:
    """Returns the files of this folder that are committed or about to be."""
    listed = subprocess.check_output(["git", "ls-files", "-z"], cwd=folder, text=True)
    return [folder / name for name in listed.split("\0") if (folder / name).is_file()]


@click.command()
def main() -> None:
    """Look for secrets in every file that git knows; ends with 1 if there are any."""
    found = list(secrets(known_to_git(ROOT)))
    print("\n".join([*found, f"secret scan: {len(found)} secrets"]))
    sys.exit(bool(found))


if __name__ == "__main__":
    main(prog_name="python -m tests.checks.secret_scan")
