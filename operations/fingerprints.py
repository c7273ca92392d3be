"""What a process was started with, as a digest: where it differs today, the process has older settings or code."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from operations.process_environment import MACHINE
from operations.process_specs import ProcessSpec


def fingerprint(spec: ProcessSpec) -> str:
    """Returns a digest of the command, the settings and the code of a process; without variables of the terminal."""
    digest = hashlib.sha256(repr(spec.command).encode())
    settings = sorted((name, value) for name, value in spec.environment.items() if name not in MACHINE)
    digest.update(repr(settings).encode())
    for file in sorted(_files(spec.sources)):
        digest.update(f"{file}:".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        found = source.rglob("*") if source.is_dir() else [source]
        yield from (file for file in found if file.is_file() and "__pycache__" not in file.parts)
