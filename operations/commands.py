"""The commands of `make up`, `restart`, `down`, `status`, `logs` and `mails`: what they do and print."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import psutil

from operations import env_file, environment, gateway, processes, role_accounts, settings_check
from operations.errors import NotReady, OperationsError, PermanentFailure
from operations.mail_page import USER
from operations.orchestrator import Orchestrator
from operations.process_specs import ProcessSpec
from operations.sign_in import AccessTokens
from shared.runtime.terminal import print_line

ROOT = environment.ROOT


def orchestrator() -> Orchestrator:
    """Returns the platform that `.env` describes."""
    if not (ROOT / ".env").exists():
        raise OperationsError("there is no .env yet; `make up` makes it")
    return Orchestrator(ROOT, env_file.load(ROOT), say=print_line)


def up(only: Iterable[str] = ()) -> None:
    """Make `.env` where there is none, start what is missing, and print where everything is."""
    platform = _checked()
    chosen = _known(platform, only)
    _start(platform, chosen)


def restart(only: Iterable[str] = ()) -> None:
    """Stop what runs and start it with the settings and the code of now, after both names and settings are checked."""
    platform = _checked()
    chosen = _known(platform, only)
    platform.down(chosen or None)
    _start(platform, chosen)


def _checked() -> Orchestrator:
    """Returns the platform that `.env` describes, which is made or completed first."""
    environment.prepare(ROOT, say=print_line)
    for warning in env_file.warnings(ROOT):
        print_line(f"warning: {warning}")
    platform = orchestrator()
    settings_check.check(platform.settings, ROOT)
    return platform


def _known(platform: Orchestrator, only: Iterable[str]) -> list[str]:
    chosen = list(only)
    unknown = sorted({name for name in chosen if not _exists(platform, name)})
    if unknown:
        raise OperationsError(
            f"there is no {', '.join(unknown)}; there are {', '.join(part.name for part in platform.process_specs)}"
        )
    return chosen


def _start(platform: Orchestrator, chosen: Sequence[str]) -> None:
    try:
        platform.up(chosen or None)
    except OperationsError as failure:
        raise OperationsError(f"{failure}\n{_hint(platform)}") from failure
    print_line("")
    status()
    print_line(f"\nto begin with:   {first_request(platform.settings)}")


def first_request(settings: Mapping[str, str]) -> str:
    """A request to begin with; its access token is fetched when it is sent, since tokens are valid for minutes."""
    return f"{curl(settings)} '{gateway.url(settings)}/api/therapists?limit=3'"


def curl(settings: Mapping[str, str]) -> str:
    """The command with which a person calls the platform; it signs in where that is needed.

    The token comes through a pipe: every user of the machine can read the arguments of a process.
    """
    return "make -s token HEADER=1 | curl -s -H @-" if settings["AUTH"] == "token" else "curl -s"


def _hint(platform: Orchestrator) -> str:
    if not any(platform.records.living(part.name) for part in platform.process_specs):
        return "Nothing was started."
    return "What was started keeps running: `make up` goes on from here, `make down` stops it."


def _exists(platform: Orchestrator, name: str) -> bool:
    names = {part.name for part in platform.process_specs}
    return name in names | {part.partition(".")[0] for part in names} | {
        "migrations",
        "topics",
        "kafka.accounts",
        "administrator",
    }


def down(only: Iterable[str] = ()) -> None:
    """Stop what was started."""
    platform = Orchestrator(ROOT, env_file.load(ROOT), say=print_line)  # Works even where .env is gone.
    if not platform.down(_known(platform, only) or None):
        print_line("nothing was running")


@dataclass(frozen=True)
class StatusLine:
    """One line of the table."""

    name: str
    address: str
    state: str
    pid: str = "-"
    memory: int = 0
    uptime: str = "-"

    def cells(self) -> tuple[str, ...]:
        """The line in words."""
        memory = f"{self.memory // 1_000_000} MB" if self.memory else "-"
        return self.name, self.address, self.state, self.pid, memory, self.uptime


def status() -> None:
    """Print every process with its address, state, memory and age."""
    platform = orchestrator()
    lines = [_line(platform, part) for part in platform.process_specs]
    lines += [
        StatusLine(part.name, part.address, _answer(part.ready, "elsewhere: reached", "elsewhere: no answer"))
        for part in platform.external_services()
    ]
    _table(("name", "address", "state", "pid", "memory", "up for"), [line.cells() for line in lines])
    used = sum(line.memory for line in lines) // 1_000_000
    print_line(f"\nmemory of all processes: {used} MB")
    print_line(f"all services are at {gateway.url(platform.settings)}, their pages at /<service>/docs")
    if "mail" in env_file.local_parts(platform.settings):
        sign_in = f"sign in as `{USER}` with MAIL_CATCHER_PASSWORD of .env"
        print_line(f"mails are caught and shown at {platform.mailbox.url}: {sign_in}")
    print_line(f"files to import are awaited in {platform.settings['IMPORT_URL']}")
    print_line(f"settings: {ROOT / '.env'}   logs: {platform.paths.logs}   data: {platform.paths.servers}")


def _line(platform: Orchestrator, part: ProcessSpec) -> StatusLine:
    record = platform.records.read(part.name)
    if record is None:
        return StatusLine(part.name, part.address, "stopped")
    if not processes.is_alive(record):
        return StatusLine(part.name, record.address, "died (see its log)")
    state = _answer(part.ready, "ready", "not ready")
    age = _age(time.time() - record.started_at)
    return StatusLine(part.name, record.address, state, str(record.pid), _memory(record.pid), age)


def _answer(question: Callable[[], None], good: str, bad: str) -> str:
    try:
        question()
    except (NotReady, PermanentFailure):
        return bad
    return good


def _memory(pid: int) -> int:
    """Resident memory of a process and its children, in bytes; memory that they share counts once per process."""
    total = 0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0
    for member in family:
        try:
            total += int(member.memory_info().rss)
        except psutil.Error:
            continue
    return total


def _age(seconds: float) -> str:
    minutes, hours = int(seconds // 60), int(seconds // 3600)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{hours} h"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    for row in [head, *rows]:
        print_line("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def token(role: str | None, *, as_header: bool = False) -> None:
    """Sign in and print the access token, or the header with it, and nothing else.

    As the administrator of `.env`, or as an account that has this role alone.
    """
    settings = orchestrator().settings
    # no sign-out: a token whose session is over may not change passwords, one-time passwords or accounts
    tokens = role_accounts.tokens_of(settings, role) if role else AccessTokens(settings)
    print_line(f"Authorization: Bearer {tokens.current()}" if as_header else tokens.current())


def logs(name: str | None) -> None:
    """Show the end of the logs; on a terminal, go on as they grow."""
    platform = orchestrator()
    found = sorted(file for file in platform.paths.logs.glob("*.log") if name is None or _is_of(file.stem, name))
    if not found:
        known = ", ".join(sorted(file.stem for file in platform.paths.logs.glob("*.log"))) or "no logs yet"
        raise OperationsError(f"there is no log of {name}; there are: {known}")
    lines = "100" if name else "10"
    follow = ["-F"] if sys.stdout.isatty() else []
    subprocess.run(["tail", "-n", lines, *follow, *map(str, found)], check=False)


def _is_of(log: str, name: str) -> bool:
    return name in (log, log.partition(".")[0])


def mails(number: str | None) -> None:
    """Print the caught mails, or one of them whole."""
    mailbox = orchestrator().mailbox
    try:
        if number:
            _print_mail(mailbox.mail(number))
        else:
            _print_mails(mailbox.mails())
    except OSError as error:
        raise OperationsError(f"the mail catcher at {mailbox.url} does not answer as expected: {error}") from error


def _print_mails(found: list[dict[str, str]]) -> None:
    if not found:
        return print_line("no mails yet")
    rows = [(mail["id"], mail["received_at"][:19], mail["to"], mail["subject"]) for mail in found]
    _table(("id", "received (UTC)", "to", "subject"), rows)
    return print_line("\none of them whole: make mails ID=" + found[-1]["id"])


def _print_mail(mail: dict[str, str]) -> None:
    for name in ("from", "to", "subject", "date", "message_id"):
        print_line(f"{name.replace('_', '-').title()}: {mail[name]}")
    print_line("\n" + (mail["text"] or mail["html"] or "(empty)"))
