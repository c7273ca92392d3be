"""Processes of a service that end by themselves."""

from __future__ import annotations

import os
import subprocess
import sys

from testkit.private_platform import ROOT


def ended(service: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What `python -m <service>` said and returned, with these variables in its environment."""
    command = [sys.executable, "-m", service, *arguments]
    given = {**os.environ, **variables}
    return subprocess.run(command, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=60)
