"""`make env-example`: writes what follows from the settings models, so that a setting is said once.

`.env.example`, `docs/settings.md`, the environments in `docker-compose.yml`, and the defaults that stand beside a
setting's name in `docker-compose.yml`, Dockerfiles and start scripts.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from operations import compose
from operations.declared_settings import PROCESSES, DeclaredSetting, DeclaredSettings, SettingsSection

ROOT = Path(__file__).resolve().parent.parent
WITH_DEFAULTS = (
    "docker-compose.yml", "Dockerfile", "pgbouncer/Dockerfile", "pgbouncer/start.sh", "kafka/start.sh",
    "gateway/Dockerfile", "gateway/start.sh",
)  # fmt: skip
"""Files written by hand that name a setting with its default beside it."""
_VARIABLE = re.compile(r"\$\{(?P<name>\w+):-[^}]*\}")
_ARGUMENT = re.compile(r"^ARG (?P<name>\w+)=.*$", re.MULTILINE)
_RULE = re.compile(r"docs/domain\.md#contact-rule-(\d+)")
_WIDTH = 120


def render(root: Path = ROOT) -> dict[str, str]:
    """The text of each of these files as it should be, by its path."""
    declared = DeclaredSettings(root)
    settings = declared.settings()
    texts = {name: with_defaults((root / name).read_text(encoding="utf-8"), settings) for name in WITH_DEFAULTS}
    texts["docker-compose.yml"] = compose.with_environments(texts["docker-compose.yml"], declared)
    texts[".env.example"] = _env_example(declared.sections())
    texts["docs/settings.md"] = _page(declared)
    return texts


def with_defaults(text: str, settings: Mapping[str, DeclaredSetting]) -> str:
    """The text with every `${NAME:-default}` and `ARG NAME=default` of a setting as its model declares it."""

    def refreshed(match: re.Match[str], form: str) -> str:
        known = settings.get(match["name"])
        return form.format(known.name, known.default) if known else match[0]

    text = _VARIABLE.sub(lambda match: refreshed(match, "${{{}:-{}}}"), text)
    return _ARGUMENT.sub(lambda match: refreshed(match, "ARG {}={}"), text)


# --- .env.example -----------------------------------------------------------------------------------------------------

_HEAD = """\
# Every setting of the platform, with what it means. `make up` copies this file to `.env` (mode 600) at its first start
# and fills in what says `generate:`. The environment wins over `.env`. `.env` is never committed: it holds the secrets.
# A secret may stand in a file instead: MASTER_KEY_FILE=/run/secrets/master_key in place of MASTER_KEY.
#
# Written by `make env-example` from the settings models, which docs/settings.md names; do not edit it here.
"""


def _env_example(sections: Iterable[SettingsSection]) -> str:
    return "\n".join([_HEAD, *map(_env_section, sections)])


def _env_section(section: SettingsSection) -> str:
    heading = f"# --- {section.title} ".ljust(_WIDTH - 1, "-")
    lines = [heading, *_comment(section.about)]
    for setting in section.settings:
        unit = f" Unit: {setting.unit}." if setting.unit else ""
        lines += ["", *_comment(setting.meaning + unit), f"{setting.name}={setting.in_env_file}"]
    return "\n".join(lines) + "\n"


def _comment(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False)


# --- docs/settings.md -------------------------------------------------------------------------------------------------

_PAGE_HEAD = """\
# Settings

Written by `make env-example` from the settings models, which are named below. A new setting is one field there (type,
unit, default, limits, docstring); to change one, change it there. A value is read once, when a process starts: from its
environment, or from `.env` beside it. `make env` makes `.env` with fresh secrets. `make up` reads all of them and gives
each process those that it reads itself and no others, as `docker compose` does
([faults, 23](faults.md#23-secrets-and-passwords)). A process whose setting is missing or wrong ends and names it.

A secret, whose name ends in PASSWORD, KEY or SECRET, may stand in a file instead, for every process and for `make up`:
`MASTER_KEY_FILE=/run/secrets/master_key` in place of `MASTER_KEY`. The file has one line, whose end does not count.
Both at once, a file that is missing, an empty one, and one that every user of the machine can read (`chmod o=` it) are
refused; an empty `MASTER_KEY=` counts as not given.

In defaults `@checkout@` is the folder of the checkout, which `make env` writes in its place.
"""


def _page(declared: DeclaredSettings) -> str:
    return "\n".join([_PAGE_HEAD, *(_table(section, declared) for section in declared.sections())])


def _table(section: SettingsSection, declared: DeclaredSettings) -> str:
    rows = [_row(setting, declared) for setting in section.settings]
    head = ["| name | default | unit | meaning | read by |", "|---|---|---|---|---|"]
    return "\n".join([f"## {section.title}", "", f"{section.about} (`{section.file}`)", "", *head, *rows]) + "\n"


def _row(setting: DeclaredSetting, declared: DeclaredSettings) -> str:
    default = "*made by `make env`*" if setting.is_secret else _code(setting.in_env_file)
    meaning = _RULE.sub(r"[rule \1](domain.md#contact-rule-\1)", setting.meaning)
    cells = (_code(setting.name), default, setting.unit, meaning, ", ".join(_readers(setting, declared)))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""


def _readers(setting: DeclaredSetting, declared: DeclaredSettings) -> list[str]:
    """Who reads it, in few words: both processes of a service by its name, all services together."""
    both = {f"{name}.{process}": name for name in declared.services for process in PROCESSES}
    whole = [name for name in declared.services if {f"{name}.{each}" for each in PROCESSES} <= setting.readers]
    others = sorted(reader for reader in setting.readers if both.get(reader) not in whole)
    return (["every service"] if len(whole) == len(declared.services) else whole) + others


# --- the command ------------------------------------------------------------------------------------------------------


@click.command()
def main() -> None:
    """Write every file that is not as it should be, and say which."""
    for name, text in render().items():
        file = ROOT / name
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.write_text(text, encoding="utf-8")
            print(f"written: {name}")


if __name__ == "__main__":
    main(prog_name="python -m operations.setting_files")
