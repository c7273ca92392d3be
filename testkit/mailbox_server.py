"""A real IMAP server (dovecot) for tests: an ordinary process with a directory of its own, on a port of this machine.

`make setup` installs it. It has mailboxes for any user with one password, which come into being when first used.
"""

from __future__ import annotations

import grp
import imaplib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PASSWORD: Final = "nur-zum-Testen"  # noqa: S105 - no secret
PROGRAM: Final = "/usr/sbin/dovecot"
SECONDS_TO_START: Final = 150
CONFIGURATION: Final = """\
protocols = imap
listen = 127.0.0.1
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl = no
disable_plaintext_auth = no
default_internal_user = {internal}
default_internal_group = {internal_group}
default_login_user = {login}
first_valid_uid = 1
first_valid_gid = 1
mail_location = maildir:{folder}/mail/%u
mail_fsync = never
auth_failure_delay = 0
namespace inbox {{
  inbox = yes
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
  # a refused password is not made to wait
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""


@dataclass(frozen=True)
class MailboxServer:
    """A server that runs."""

    port: int

    def deliver(self, user: str, *messages: bytes, folder: str = "INBOX") -> None:
        """Put e-mails into a mailbox, as a mail server does."""
        with self.signed_in(user) as client:
            for message in messages:
                answer, said = client.append(folder, "", "", message)
                if answer != "OK":
                    raise AssertionError(said)

    @contextmanager
    def signed_in(self, user: str) -> Iterator[imaplib.IMAP4]:
        """A connection of this user."""
        client = imaplib.IMAP4("127.0.0.1", self.port, timeout=SECONDS_TO_START)
        client.login(user, PASSWORD)
        try:
            yield client
        finally:
            client.logout()


@contextmanager
def mailbox_server() -> Iterator[MailboxServer]:
    """A server, stopped and removed with all mailboxes at the end of the block."""
    if not os.access(PROGRAM, os.X_OK):
        raise FileNotFoundError(f"{PROGRAM} is missing: `make setup` installs it")
    folder = Path(tempfile.mkdtemp(prefix="dovecot-"))
    port = _free_port()
    (folder / "dovecot.conf").write_text(CONFIGURATION.format(folder=folder, port=port, password=PASSWORD, **_users()))
    _make_folders(folder)
    process = subprocess.Popen(
        [PROGRAM, "-F", "-c", str(folder / "dovecot.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process, folder)
        yield MailboxServer(port)
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _users() -> dict[str, str | int]:
    """Who runs it. Dovecot keeps no mail as root, so root has it kept as the user `mail`, which Debian always has."""
    if os.geteuid() == 0:
        mail = pwd.getpwnam("mail")
        names = {"internal": "dovecot", "internal_group": "dovecot", "login": "dovenull"}
        return {**names, "uid": mail.pw_uid, "gid": mail.pw_gid}
    own = pwd.getpwuid(os.geteuid())
    return {
        "internal": own.pw_name,
        "internal_group": grp.getgrgid(own.pw_gid).gr_name,
        "login": own.pw_name,
        "uid": own.pw_uid,
        "gid": own.pw_gid,
    }


def _make_folders(folder: Path) -> None:
    for name in ("mail", "home", "run", "state"):
        (folder / name).mkdir()
    folder.chmod(0o755)
    if os.geteuid() == 0:
        users = _users()
        for name in ("mail", "home"):
            os.chown(folder / name, int(users["uid"]), int(users["gid"]))


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < until and process.poll() is None:
        with suppress(OSError, imaplib.IMAP4.error):
            imaplib.IMAP4("127.0.0.1", port, timeout=5).logout()
            return
        time.sleep(0.05)
    log = folder / "dovecot.log"
    raise RuntimeError(log.read_text() if log.exists() else "dovecot does not start")
