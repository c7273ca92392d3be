"""`make check`: vulnerabilities that are known of the packages in requirements/dev.txt.

Where nobody can be asked about them it says so and does not fail: a machine without a network can be checked too. An
answer counts for a day, so that not every `make check` asks about more than a hundred packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click

from shared.runtime import clock
from tests.architecture.sources import ROOT

REQUIREMENTS = ROOT / "requirements" / "dev.txt"
KEPT = ROOT / "build" / "dependency-audit.json"
NOT_REACHED = ("Could not connect", "requests.exceptions.")
"""What pip-audit's last line says where the network is missing; everything else is a fault of the audit."""
OPTIONS = ("--format=json", "--progress-spinner=off", "--no-deps", "--disable-pip", "--timeout=5")


class AuditFailed(Exception):
    """pip-audit could not do its work, for another reason than the network."""


@dataclass(frozen=True)
class Audit:
    """What is known of the packages."""

    findings: Sequence[str]
    """One line for each vulnerability."""
    unknown: int
    """The number of packages of which nobody could be asked."""
    packages: int

    def sentence(self) -> str:
        """The outcome in one line."""
        if self.unknown == self.packages:
            return "dependency audit: nobody could be asked about vulnerabilities, so nothing was checked"
        missing = f", {self.unknown} of them could not be looked up" if self.unknown else ""
        return f"dependency audit: {self.packages} packages{missing}, {len(self.findings)} known vulnerabilities"


def audit(requirements: Path, *options: str) -> Audit:
    """Returns what is known of the packages that the file lists.

    Raises:
        AuditFailed: the file cannot be read, or pip-audit cannot be started.
    """
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(requirements), *OPTIONS, *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.stdout:
        return _read(json.loads(done.stdout)["dependencies"])
    reason = (done.stderr.strip().splitlines() or [""])[-1]
    if not any(each in reason for each in NOT_REACHED):
        raise AuditFailed(reason)
    packages = requirements.read_text().count("==")
    return Audit([], packages, packages)


def _read(packages: Sequence[dict[str, Any]]) -> Audit:
    findings = [
        f"{each['name']} {each['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no version'}"
        for each in packages
        for found in each.get("vulns", [])
    ]
    return Audit(findings, sum("skip_reason" in each for each in packages), len(packages))


def audit_of_today(requirements: Path, kept: Path, *options: str) -> Audit:
    """Returns the audit of this file, which is asked for once a day; `kept` is where it is stored."""
    key = f"{clock.today()} {sha256(requirements.read_bytes()).hexdigest()}"
    if kept.exists() and (stored := json.loads(kept.read_text()))["key"] == key:
        return Audit(**stored["audit"])
    found = audit(requirements, *options)
    kept.parent.mkdir(exist_ok=True)
    kept.write_text(json.dumps({"key": key, "audit": vars(found)}, indent=2))
    return found


@click.command()
def main() -> None:
    """Ask about known vulnerabilities of our dependencies; ends with 1 if there are any."""
    found = audit_of_today(REQUIREMENTS, KEPT)
    print("\n".join([*found.findings, found.sentence()]))
    sys.exit(bool(found.findings))


if __name__ == "__main__":
    main(prog_name="python -m tests.checks.dependency_audit")
