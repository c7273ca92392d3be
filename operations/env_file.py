"""`.env`: what `.env.example` declares, and what `.env` holds. Needs nothing but Python.

The declarations themselves, with default and meaning, are the settings models; `make env-example` writes the file."""

import base64
import difflib
import os
import re
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from operations.errors import OperationsError
from shared.runtime.secret_files import file_setting, is_secret, secret_file
from shared.runtime.worker_port import WORKER_PORT_DISTANCE

_LINE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=(.*)$")
_COMMENT = re.compile(r"(?<!\s)\s++#.*$")
_HOST_AND_PORT = re.compile(r"^([\w.-]+):(\d+)$")

_SECRETS = {
    "generate:password": lambda: secrets.token_urlsafe(24),
    "generate:key": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
}


@dataclass(frozen=True)
class EnvFileSetting:
    """One setting as `.env.example` declares it."""

    name: str
    default: str

    @property
    def is_secret(self) -> bool:
        return self.default in _SECRETS

    def value(self, *, checkout: Path, offset: int) -> str:
        """The value a new `.env` gets: a fresh secret, a port moved by the offset, or the default."""
        if self.is_secret:
            return _SECRETS[self.default]()
        return self.moved_by(offset).replace("@checkout@", str(checkout))

    def moved_by(self, offset: int) -> str:
        """Returns the default, with the offset added to its port where it has one."""
        if self.name.endswith("_PORT"):
            return str(int(self.default) + offset)
        if address := _HOST_AND_PORT.match(self.default):
            return f"{address[1]}:{int(address[2]) + offset}"
        return self.default


def declared(root: Path) -> dict[str, EnvFileSetting]:
    """Every setting that `.env.example` declares, in its order."""
    text = (root / ".env.example").read_text(encoding="utf-8")
    return {name: EnvFileSetting(name, value) for name, value in parse(text)}


def parse(text: str) -> list[tuple[str, str]]:
    """The names and values of an `.env` file, in its order, without quotes around them and comments after them."""
    found = [match for line in text.splitlines() if (match := _LINE.match(line))]
    return [(match[1], _unquoted(match[2])) for match in found]


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return _COMMENT.sub("", value)


def complete(root: Path, *, offset: int | None = None) -> list[str]:
    """The names written to `.env`: all of them where there is none yet, or where it is a copy of `.env.example`.

    Else those declared since it was made, those that still say `generate:`, and the ports that another offset moves;
    without an offset they stay where they are.
    """
    file = root / ".env"
    example = (root / ".env.example").read_text(encoding="utf-8")
    if not file.exists() or file.read_text(encoding="utf-8") == example:
        write_private(file, _filled(example, checkout=root, offset=offset or 0))
        return list(declared(root))
    moved = [] if offset is None else _move_ports(root, file, offset)
    return [*moved, *_fill_in(root, file), *_append_missing(root, file)]


def offset_of(root: Path) -> int | None:
    """The offset of the ports in `.env`; None where there is none yet."""
    file = root / ".env"
    return _offset_in(file.read_text(encoding="utf-8")) if file.exists() else None


def _offset_in(text: str) -> int:
    return number_or_zero(dict(parse(text)).get("PORT_OFFSET", "0"))


def _move_ports(root: Path, file: Path, offset: int) -> list[str]:
    """Move every port by this offset, unless somebody has changed it by hand."""
    text = file.read_text(encoding="utf-8")
    before = _offset_in(text)
    if before == offset:
        return []
    settings = {f"{name}={setting.moved_by(before)}": setting for name, setting in declared(root).items()}
    moved = {line: f"{each.name}={each.moved_by(offset)}" for line, each in settings.items()}
    moved = {line: new for line, new in moved.items() if line != new}
    lines = [line for line in text.splitlines() if not line.startswith("PORT_OFFSET=")]
    write_private(file, "\n".join([f"PORT_OFFSET={offset}", *(moved.get(line, line) for line in lines)]) + "\n")
    return ["PORT_OFFSET", *(settings[line].name for line in lines if line in moved)]


def _fill_in(root: Path, file: Path) -> list[str]:
    """Replace what a copied line only stands for: `generate:` by a fresh secret, `@checkout@` by this folder."""
    lines = file.read_text(encoding="utf-8").splitlines()
    filled_in = []
    for number, line in enumerate(lines):
        match = _LINE.match(line)
        copied = EnvFileSetting(match[1], _unquoted(match[2])) if match else None
        if copied and (copied.is_secret or "@checkout@" in copied.default):
            lines[number] = f"{copied.name}={copied.value(checkout=root, offset=0)}"
            filled_in.append(copied.name)
    if filled_in:
        write_private(file, "\n".join(lines) + "\n")
    return filled_in


def _filled(example: str, *, checkout: Path, offset: int) -> str:
    lines = [_filled_line(line, checkout=checkout, offset=offset) for line in example.splitlines()]
    return "\n".join(lines) + "\n"


def _filled_line(line: str, *, checkout: Path, offset: int) -> str:
    match = _LINE.match(line)
    if not match:
        return line
    if match[1] == "PORT_OFFSET":
        return f"PORT_OFFSET={offset}"
    setting = EnvFileSetting(match[1], _unquoted(match[2]))
    return f"{setting.name}={setting.value(checkout=checkout, offset=offset)}"


def _append_missing(root: Path, file: Path) -> list[str]:
    text = file.read_text(encoding="utf-8")
    present = dict(parse(text))
    missing = [
        setting
        for setting in declared(root).values()
        if not {setting.name, file_setting(setting.name)} & present.keys()
    ]
    if not missing:
        return []
    offset = _offset_in(text)
    lines = [f"{setting.name}={setting.value(checkout=root, offset=offset)}" for setting in missing]
    joint = "" if text.endswith("\n") or not text else "\n"
    write_private(file, text + joint + "\n".join(lines) + "\n")
    return [setting.name for setting in missing]


def write_private(file: Path, text: str) -> None:
    """Write a file that nobody else can read, whole or not at all."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    unfinished.replace(file)


def load(root: Path, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The effective settings: those of the environment before those of `.env` before the defaults.

    Secrets that stand in files are read, and what named the files is left out: each process gets those it needs in
    its environment, as the others.
    """
    file = root / ".env"
    written = dict(parse(file.read_text(encoding="utf-8"))) if file.exists() else {}
    known = declared(root)
    defaults = {
        name: setting.value(checkout=root, offset=0) for name, setting in known.items() if not setting.is_secret
    }
    overrides = {name: environment[name] for name in _names(known) if name in environment}
    settings = defaults | written | overrides
    named_files = {file_setting(name) for name in known if is_secret(name)}
    values = {name: value for name, value in settings.items() if name not in named_files}
    return values | _from_files(known, settings)


def _names(known: Iterable[str]) -> list[str]:
    """These settings, and the variables that name a file with a secret."""
    return [each for name in known for each in ((name, file_setting(name)) if is_secret(name) else (name,))]


def _from_files(known: Iterable[str], settings: Mapping[str, str]) -> dict[str, str]:
    files = [file for name in known if is_secret(name) and (file := secret_file(name, settings))]
    try:
        return {file.name: file.read() for file in files}
    except ValueError as problem:
        raise OperationsError(str(problem)) from problem


def warnings(root: Path) -> list[str]:
    """What looks like a mistake in `.env`: unknown names (with what may have been meant) and names given twice."""
    file = root / ".env"
    names = [name for name, _ in parse(file.read_text(encoding="utf-8"))] if file.exists() else []
    known = _names(declared(root))
    unknown = [_unknown(name, known) for name in dict.fromkeys(names) if name not in known]
    twice = [
        f"{name} is in .env {times} times; the last one counts" for name, times in Counter(names).items() if times > 1
    ]
    return unknown + twice


def _unknown(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name.upper(), known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"unknown setting {name} in .env{hint}"


def local_ports(settings: Mapping[str, str]) -> dict[str, int]:
    """Every port that `make up` opens on this machine, by the setting that moves it."""
    owners = {
        "postgresql": ("POSTGRES_PORT",),
        "pgbouncer": ("DATABASE_PORT",),
        "kafka": (),
        "mail": ("SMTP_PORT", "MAIL_CATCHER_PORT"),
    }
    local = local_parts(settings)
    ports = {name: int(settings[name]) for part in local for name in owners[part]}
    ports["GATEWAY_PORT"] = int(settings["GATEWAY_PORT"])
    for node in kafka_ports(settings) if "kafka" in local else []:
        ports |= node
    for name, port in service_ports(settings).items():
        ports[name] = port
        ports[f"{name} + {WORKER_PORT_DISTANCE}"] = port + WORKER_PORT_DISTANCE
    return ports


def local_parts(settings: Mapping[str, str]) -> tuple[str, ...]:
    """The infrastructure that `make up` starts itself."""
    return tuple(name.strip() for name in settings["LOCAL_PARTS"].split(",") if name.strip())


def service_ports(settings: Mapping[str, str]) -> dict[str, int]:
    """The web port of every service, by the name of its setting."""
    return {name: int(value) for name, value in settings.items() if name.endswith("_SERVICE_PORT")}


def kafka_ports(settings: Mapping[str, str]) -> list[dict[str, int]]:
    """The two ports of every local Kafka node, by the settings that move them."""
    controller = int(settings["KAFKA_CONTROLLER_PORT"])
    nodes = []
    for index, address in enumerate(settings["KAFKA_BOOTSTRAP_SERVERS"].split(",")):
        own = f"KAFKA_BOOTSTRAP_SERVERS, number {index + 1}" if index else "KAFKA_BOOTSTRAP_SERVERS"
        second = f"KAFKA_CONTROLLER_PORT + {index}" if index else "KAFKA_CONTROLLER_PORT"
        nodes.append({own: int(address.rpartition(":")[2]), second: controller + index})
    return nodes


def number_or_zero(text: str) -> int:
    """Returns the number; 0 where the text is none, which its reader refuses."""
    return int(text) if text.isdecimal() and len(text) < 10 else 0
