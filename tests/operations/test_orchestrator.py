import os
import smtplib
import socket
import subprocess
import sys
from email.message import EmailMessage
from pathlib import Path
from textwrap import indent

import psutil
import psycopg2
import pytest
import requests

from migrations.connections import administrator
from migrations.settings import MigrationSettings
from operations import commands, ports, probes, processes
from operations.env_file import local_ports
from operations.errors import NotReady, OperationsError
from operations.mail_page import USER, credentials, help_text
from operations.orchestrator import Orchestrator
from operations.process_specs import ProcessSpec
from shared.runtime.server import listening_socket
from testkit.private_platform import ROOT, PrivatePlatform, private_settings

INFRASTRUCTURE = ("postgresql", "pgbouncer", "kafka", "mail")


def letter(subject: str, to: str = "praxis@example.org") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "vermittlung@example.org", to, subject
    message.set_content("Guten Tag,\nhätten Sie einen Platz?")
    message.add_alternative("<p>Hätten Sie einen <b>Platz</b>?</p>", subtype="html")
    return message


def send(platform: PrivatePlatform, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", int(platform.settings["SMTP_PORT"]), timeout=5) as server:
        server.send_message(message)


def test_up_starts_everything_and_a_second_one_nothing(platform: PrivatePlatform) -> None:
    platform.up(INFRASTRUCTURE)
    before = {name: platform.process(name).pid for name in INFRASTRUCTURE}
    assert all(platform.process(name).is_ready() for name in INFRASTRUCTURE)
    platform.up(INFRASTRUCTURE)
    assert {name: platform.process(name).pid for name in INFRASTRUCTURE} == before
    probes.kafka_answers(platform.settings)


def test_up_starts_again_only_what_died(platform: PrivatePlatform) -> None:
    platform.up(["pgbouncer", "mail"])
    mail = platform.process("mail").pid
    platform.process("pgbouncer").kill()
    assert not platform.process("pgbouncer").is_ready()
    platform.up(["pgbouncer", "mail"])
    assert platform.process("pgbouncer").is_ready()
    assert platform.process("mail").pid == mail


def test_up_says_what_runs_with_older_settings_and_a_restart_renews_it(platform: PrivatePlatform) -> None:
    platform.up(["mail"])
    before = platform.process("mail").pid
    changed = {**platform.settings, "ALLOWED_HOSTS": f"{platform.settings['ALLOWED_HOSTS']},mails.example.org"}
    said: list[str] = []
    later = PrivatePlatform(ROOT, changed, platform.paths.state, durable=False, say=said.append)
    later.up(["mail"])
    assert any("mail" in line and "older settings or code: `make restart`" in line for line in said)
    assert later.process("mail").pid == before

    said.clear()
    assert later.down(["mail"])
    later.up(["mail"])
    later.up(["mail"])
    assert later.process("mail").pid != before
    assert any("already running" in line for line in said)
    assert not any("older settings" in line for line in said)


@pytest.mark.parametrize(
    ("bind", "host"), [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("::1", "::1")]
)
def test_this_machine_reaches_the_services_wherever_they_listen(tmp_path: Path, bind: str, host: str) -> None:
    services = Orchestrator(ROOT, private_settings(tmp_path, BIND=bind, GATEWAY_BIND=bind), tmp_path)
    named = f"[{host}]" if ":" in host else host
    for spec in services.process_specs:
        if "_service." in spec.name or spec.name == "gateway":
            assert spec.address.startswith(f"http://{named}:"), spec.name
            assert spec.bind == bind
    gateway = services.process("gateway").spec.environment
    assert {value for name, value in gateway.items() if name.endswith("_SERVICE_HOST")} == {host}


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::", "::1"])
def test_a_port_is_free_until_somebody_listens(host: str) -> None:
    with listening_socket(host, 0) as other:
        port = other.getsockname()[1]
        assert not ports.is_free(port, host)
    assert ports.is_free(port, host)


def test_down_with_a_name_stops_only_that(platform: PrivatePlatform) -> None:
    platform.up(["pgbouncer", "mail"])
    assert platform.down(["mail"])
    assert not platform.process("mail").is_alive()
    assert platform.process("pgbouncer").is_alive()
    assert not platform.down(["mail"])


def test_a_killed_postgresql_keeps_what_was_committed(platform: PrivatePlatform) -> None:
    platform.process("postgresql").start()
    query(platform, "CREATE TABLE kept AS SELECT 42 AS answer")
    platform.process("postgresql").kill()
    platform.process("postgresql").start()
    assert query(platform, "SELECT answer FROM kept") == 42


def query(platform: PrivatePlatform, statement: str) -> object:
    connection = administrator(MigrationSettings.of(platform.settings), "postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statement)
        rows = cursor.fetchall() if cursor.description else [(None,)]
    connection.close()
    answer: object = rows[0][0]
    return answer


def test_a_role_reaches_postgresql_through_pgbouncer(platform: PrivatePlatform) -> None:
    platform.up(["postgresql", "pgbouncer"])
    password = platform.settings["MATCHING_SERVICE_DATABASE_PASSWORD"]
    query(platform, f"CREATE ROLE matching_service LOGIN PASSWORD '{password}'")
    query(platform, f"CREATE DATABASE {platform.settings['DATABASE_NAME']}")
    with psycopg2.connect(
        host="127.0.0.1",
        port=platform.settings["DATABASE_PORT"],
        user="matching_service",
        password=password,
        dbname=platform.settings["DATABASE_NAME"],
    ) as connection:
        assert connection.info.parameter_status("server_version") is not None


def test_a_taken_port_names_part_port_process_and_setting(platform: PrivatePlatform) -> None:
    platform.process("mail").stop()
    port = int(platform.settings["MAIL_CATCHER_PORT"])
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen(1)
        with pytest.raises(OperationsError) as refused:
            platform.up(["mail"])
    text = str(refused.value)
    offer = "or PORT_OFFSET=1000 make up moves all ports"
    for clue in ("mail cannot start", str(port), f"process {os.getpid()} ", "MAIL_CATCHER_PORT", offer):
        assert clue in text


def test_what_keeps_running_is_said_only_where_something_does(platform: PrivatePlatform, tmp_path: Path) -> None:
    assert commands._hint(PrivatePlatform(ROOT, platform.settings, tmp_path / "other")) == "Nothing was started."
    platform.process("mail").start()
    assert "keeps running: `make up` goes on from here" in commands._hint(platform)


def not_yet() -> None:
    raise NotReady("it does not answer")


def test_a_part_that_fails_is_named_with_the_end_of_its_log(platform: PrivatePlatform) -> None:
    words = ("sh", "-c", "echo the disk is full; exit 3")
    platform.process_specs.append(ProcessSpec("broken", words, "nowhere", ready=not_yet, rank=9))
    try:
        with pytest.raises(OperationsError, match="the disk is full") as failed:
            platform.process("broken").start()
        assert "broken failed" in str(failed.value)
        assert str(platform.paths.log("broken")) in str(failed.value)
    finally:
        platform.process_specs.pop()


def test_a_part_elsewhere_is_only_asked(platform: PrivatePlatform) -> None:
    platform.process("postgresql").start()
    settings = platform.settings | {"LOCAL_PARTS": "mail"}
    other = PrivatePlatform(platform.root, settings, platform.paths.state / "other")
    assert [spec.name for spec in other.process_specs if spec.name in INFRASTRUCTURE] == ["mail"]
    other.up(["postgresql"])
    platform.process("postgresql").stop()
    with pytest.raises(OperationsError, match="POSTGRES_HOST, POSTGRES_PORT"):
        other._check_external_services({"postgresql"}, seconds=0)


def test_down_stops_everything_and_frees_every_port(platform: PrivatePlatform) -> None:
    platform.up(["postgresql", "pgbouncer", "mail"])
    records = platform.records.all()
    assert platform.down() is True
    assert not any(processes.is_alive(record) for record in records)
    used = local_ports(platform.settings)
    opened = ("POSTGRES_PORT", "DATABASE_PORT", "SMTP_PORT", "MAIL_CATCHER_PORT")
    # what listens on another one may be somebody else's: nothing of this platform was started there
    assert [name for name in opened if not ports.is_free(used[name])] == []
    assert platform.down() is False


class TestTheMailCatcher:
    @pytest.fixture(autouse=True)
    def _running(self, platform: PrivatePlatform) -> None:
        platform.process("mail").start()
        platform.mailbox.accept()
        platform.mailbox.clear()

    def test_keeps_and_shows_what_was_sent(self, platform: PrivatePlatform) -> None:
        send(platform, letter("Anfrage für drei Plätze"))
        (mail,) = platform.mailbox.wait_for(1, to="praxis@example.org")
        assert mail["subject"] == "Anfrage für drei Plätze"
        assert mail["text"] == "Guten Tag,\nhätten Sie einen Platz?\n"
        assert "<b>Platz</b>" in mail["html"]
        assert mail["envelope_to"] == ["praxis@example.org"]

    def test_keeps_its_mails_when_it_is_killed(self, platform: PrivatePlatform) -> None:
        send(platform, letter("Vorher"))
        platform.process("mail").kill()
        platform.process("mail").start()
        assert [mail["subject"] for mail in platform.mailbox.mails()] == ["Vorher"]

    def test_has_a_page_for_people(self, platform: PrivatePlatform) -> None:
        send(platform, letter("<Titel>"))
        (mail,) = platform.mailbox.mails()
        assert "&lt;Titel&gt;" in self.page(platform, "/")
        assert "hätten Sie einen Platz?" in self.page(platform, f"/read/{mail['id']}")
        assert "Subject: <Titel>" in self.page(platform, f"/mails/{mail['id']}.eml")

    def test_hands_out_nothing_but_mails(self, platform: PrivatePlatform) -> None:
        assert "no such page" in self.page(platform, "/mails/../../../etc/passwd")
        assert "no such page" in self.page(platform, "/mails/%2e%2e%2f.env")

    def page(self, platform: PrivatePlatform, path: str) -> str:
        return self.asked(platform, "GET", path).text

    def asked(self, platform: PrivatePlatform, method: str, path: str, body: bytes | None = None) -> requests.Response:
        """The answer to somebody who signs in."""
        sign_in = (USER, platform.settings["MAIL_CATCHER_PASSWORD"])
        # as it is: requests would leave dotted parts out
        prepared = requests.Request(method, platform.mailbox.url, data=body, auth=sign_in).prepare()
        prepared.url = f"{platform.mailbox.url}{path}"
        with requests.Session() as session:
            return session.send(prepared, timeout=10)

    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE"])
    @pytest.mark.parametrize(
        "path", ["/", "/mails", "/mails/ID", "/mails/ID.eml", "/read/ID", "/refuse", "/help", "/no"]
    )
    def test_shows_and_does_nothing_without_the_password(
        self, platform: PrivatePlatform, method: str, path: str
    ) -> None:
        """Every user of the machine reaches its port, and could ask for a link to the administrator's password."""
        send(platform, letter("geheim"))
        (mail,) = platform.mailbox.mails()
        url = f"{platform.mailbox.url}{path.replace('ID', mail['id'])}"
        for given in (
            {},
            {"Authorization": "Basic"},
            {"Authorization": "Bearer ä"},
            {"Authorization": credentials("")},
        ):
            answer = requests.request(method, url, headers={k: v.encode() for k, v in given.items()}, timeout=10)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, 'Basic realm="mails"')
            assert "geheim" not in answer.text
        assert len(platform.mailbox.mails()) == 1

    def test_its_password_is_in_no_command_line_and_no_log(self, platform: PrivatePlatform) -> None:
        catcher = platform.process("mail")
        password = platform.settings["MAIL_CATCHER_PASSWORD"]
        assert not [word for word in psutil.Process(catcher.pid).cmdline() if password in word]
        assert password not in catcher.log.read_text()

    @pytest.mark.parametrize("step", ["recipient", "data"])
    def test_refuses_on_request_until_told_otherwise(self, platform: PrivatePlatform, step: str) -> None:
        platform.mailbox.refuse(452, at=step)
        with pytest.raises((smtplib.SMTPRecipientsRefused, smtplib.SMTPDataError), match="452"):
            send(platform, letter("Abgelehnt"))
        platform.mailbox.accept()
        send(platform, letter("Angenommen"))
        assert [mail["subject"] for mail in platform.mailbox.mails()] == ["Angenommen"]

    @pytest.mark.parametrize(
        ("wish", "wrong"),
        [
            (b'{"code": 200}', "code must be from 400 to 599"),
            (b'{"code": "many"}', "code must be a number"),
            (b'{"seconds": 0}', "seconds must be above 0"),
            (b'{"at": "lunch"}', "at must be one of greeting, recipient, data, answer"),
            (b'{"text": "\\n"}', "text must have at most 500 printable ASCII characters"),
            (b'{"status": 550}', "status: known are code, seconds, at, text"),
            (b"code=550", "the body is not JSON"),
            (b"[]", "the body is not an object"),
        ],
    )
    def test_a_wish_that_makes_no_sense_is_refused_with_what_would(
        self, platform: PrivatePlatform, wish: bytes, wrong: str
    ) -> None:
        answer = self.asked(platform, "POST", "/refuse", wish)
        assert answer.status_code == 422
        assert answer.text.startswith(f"Nothing has changed: {wrong}.")
        assert "curl -K" in answer.text
        send(platform, letter("Trotzdem"))

    def test_help_is_found_at_the_terminal_and_on_the_page(self, platform: PrivatePlatform) -> None:
        words = [sys.executable, "-m", "operations.mail_catcher"]
        helped = subprocess.run([*words, "--help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
        assert indent(help_text("http://127.0.0.1:PAGE_PORT"), "  ") in helped
        real = help_text(platform.mailbox.url)
        assert f"http://127.0.0.1:{platform.settings['MAIL_CATCHER_PORT']}/refuse" in real
        assert self.page(platform, "/help") == real
        assert self.page(platform, "/refuse").endswith(real)

    def test_a_port_that_is_taken_is_said_in_a_line(self, platform: PrivatePlatform, tmp_path: Path) -> None:
        ports_ = ["--smtp-port", platform.settings["SMTP_PORT"], "--page-port", platform.settings["MAIL_CATCHER_PORT"]]
        words = [sys.executable, "-m", "operations.mail_catcher", "--folder", str(tmp_path), *ports_]
        given = {**os.environ, "MAIL_CATCHER_PASSWORD": "secret"}
        refused = subprocess.run(words, cwd=ROOT, env=given, capture_output=True, text=True, check=False, timeout=30)
        assert refused.returncode == 1
        assert "Traceback" not in refused.stderr
        assert platform.settings["SMTP_PORT"] in refused.stderr

    def test_can_leave_the_sender_in_doubt(self, platform: PrivatePlatform) -> None:
        platform.mailbox.refuse(at="answer")
        with pytest.raises(smtplib.SMTPServerDisconnected):
            send(platform, letter("Zweifel"))
        assert [mail["subject"] for mail in platform.mailbox.mails()] == ["Zweifel"]
