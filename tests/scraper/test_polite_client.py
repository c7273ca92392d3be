from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from tests.fakes.directory_site import Reply, Site
from therapist_scraper.errors import Refused, ScraperError, UnknownForm
from therapist_scraper.manners import Manners
from therapist_scraper.polite_client import PoliteClient, Unanswered

Make = Callable[..., PoliteClient]
EVERYBODY = {
    "r": 100,
    "lat": 50.77,
    "lon": 6.08,
    "filterSelections": [{"fieldName": "fgg", "selectedCodes": ["12"]}],
}


def search(client: PoliteClient) -> Any:
    return client.post_json("/api/data", EVERYBODY)


def test_every_request_says_who_asks(site: Site, client: Make) -> None:
    assert len(search(client())["arztPraxisDatas"]) == 50
    assert [(method, path) for method, path, _, _ in site.requests] == [("GET", "/robots.txt"), ("POST", "/api/data")]
    for _, _, headers, _ in site.requests:
        assert headers["user-agent"] == "therapist-scraper/0.1.0 (+scraper@example.org)"
        assert headers["from"] == "scraper@example.org"
        assert "authorization" not in headers


@pytest.mark.parametrize(
    ("robots", "interval", "pause"),
    [
        ("", 2.0, 2.0),
        ("User-agent: *\nCrawl-delay: 7", 2.0, 7.0),
        ("User-agent: *\nRequest-rate: 1/30s", 2.0, 30.0),
        ("User-agent: therapist-scraper\nCrawl-delay: 1\n\nUser-agent: *\nDisallow: /", 4.0, 4.0),
    ],
)
def test_the_slower_of_both_tempos_is_kept(
    site: Site, client: Make, robots: str, interval: float, pause: float
) -> None:
    site.robots = Reply(200, robots)
    asking = client(interval=interval)
    search(asking)
    search(asking)
    assert site.clock.pauses == [pause, pause]


def test_a_busy_site_is_given_the_time_it_asks_for_and_a_slower_tempo(site: Site, client: Make) -> None:
    site.replies.extend([Reply(429, headers={"Retry-After": "120"}), Reply(503), Reply(502)])
    asking = client()
    search(asking)
    search(asking)
    assert site.clock.pauses == [2.0, 120.0, 20.0, 40.0, 4.0]


def test_retry_after_may_be_a_date(site: Site, client: Make) -> None:
    site.replies.append(Reply(503, headers={"Retry-After": "Mon, 23 Nov 2026 03:05:02 GMT"}))
    search(client())
    assert site.clock.pauses == [2.0, 300.0]


@pytest.mark.parametrize(
    ("replies", "said"),
    [
        ([Reply(500)] * 5, "status 500, 5 times"),
        ([Reply(429, headers={"Retry-After": "86400"})], "status 429, and a pause of 86400 s is asked for"),
    ],
)
def test_a_site_that_does_not_answer_is_left_alone(site: Site, client: Make, replies: list[Reply], said: str) -> None:
    site.replies.extend(replies)
    with pytest.raises(Unanswered, match=said):
        search(client())
    assert len(site.searches()) == len(replies)


def test_a_site_that_is_not_there_is_no_refusal(site: Site) -> None:
    away = PoliteClient("http://127.0.0.1:9", Manners("scraper@example.org", timeout=2), site.clock)
    with pytest.raises(Unanswered, match=r"robots.txt cannot be read.*connection refused"):
        search(away)


@contextmanager
def dripping_site(start: bytes) -> Iterator[str]:
    """Serves answers that begin so and go on byte by byte, without an end; yields the address."""
    is_over = threading.Event()

    def drip(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.sendall(start)
            while not is_over.wait(0.02):
                connection.sendall(b"2")

    def serve() -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=drip, args=[listening.accept()[0]], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        is_over.set()
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    "start", [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"]
)
def test_an_answer_without_an_end_is_given_up_although_each_byte_comes_in_time(site: Site, start: bytes) -> None:
    lines: list[str] = []
    manners = Manners("scraper@example.org", attempts=2, longest_answer=0.2)
    with dripping_site(start) as address:
        asking = PoliteClient(address, manners, site.clock, lines.append)
        with pytest.raises(Unanswered, match=r"no answer .not whole after 0\.2 s., 2 times"):
            search(asking)
    assert lines == [f"{address}/robots.txt: no answer (not whole after 0.2 s); attempt 2 of 2 in 10 s"]


CAPTCHA = "<html><title>Einen Moment</title><div class='g-recaptcha'></div></html>"


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (Reply(403), Refused, "refuses us .status 403.; the scraper stops here"),
        (Reply(401), Refused, "status 401"),
        (Reply(451), Refused, "status 451"),
        (Reply(200, CAPTCHA), Refused, "a proof that a person sits here"),
        (Reply(503, CAPTCHA), Refused, "a proof that a person sits here"),
        (Reply(429, CAPTCHA), Refused, "a proof that a person sits here"),
        (Reply(200, "<h1>Unsere neue Arztsuche</h1>"), UnknownForm, "something else than JSON"),
        (Reply(200, "[" * 100_000), UnknownForm, "something else than JSON"),
        (Reply(200, " " * (33 << 20)), UnknownForm, "answers more than 32 MiB"),
        (Reply(404), UnknownForm, "status 404"),
        (Reply(302, headers={"Location": "https://elsewhere.example.org/"}), UnknownForm, "leads to https://elsewhere"),
        (
            Reply(302, headers={"Location": "http://[::1/\x1b" + "x" * 9999}),
            UnknownForm,
            r"leads to http://\[::1/ x{67}…: the",
        ),
    ],
)
def test_a_refusal_and_a_change_of_the_site_end_it_at_once(
    site: Site, client: Make, reply: Reply, error: type[ScraperError], said: str
) -> None:
    site.replies.append(reply)
    with pytest.raises(error, match=said):
        search(client())
    assert len(site.searches()) == 1


def test_a_session_of_a_browser_is_not_imitated_and_a_given_key_is_sent(site: Site, client: Make) -> None:
    site.session_needed, site.key = True, "Bearer of-the-operators"
    with pytest.raises(Refused, match="status 403"):
        search(client())
    assert search(client(authorization="Bearer of-the-operators"))["moreResults"] is True


FORBIDDEN = "User-agent: *\nDisallow: /"


@pytest.mark.parametrize(
    ("reply", "error", "said"),
    [
        (Reply(200, "User-agent: *\nDisallow: /api/"), Refused, "does not allow us to ask for /api/data"),
        (Reply(200, "User-agent: *\nDisallow: /*data$"), Refused, "does not allow us to ask for /api/data"),
        (Reply(403), Refused, "robots.txt refuses us"),
        (Reply(500), Unanswered, "without it nothing is asked"),
        (
            Reply(200, "User-agent: *\nCrawl-delay: 100000"),
            Refused,
            "wants 100000 s between requests, .* at most 900 s",
        ),
        (Reply(200, "User-agent: *\nRequest-rate: 1/100000d"), Refused, "wants 8640000000 s between requests"),
        (Reply(200, FORBIDDEN.encode("utf-16")), Refused, "does not allow us"),
        (Reply(200, FORBIDDEN.encode("utf-8-sig")), Refused, "does not allow us"),
        (Reply(200, FORBIDDEN.encode("utf-16-le")), Refused, "is no text in UTF-8 or UTF-16"),
    ],
)
def test_robots_txt_is_obeyed(site: Site, client: Make, reply: Reply, error: type[Exception], said: str) -> None:
    site.robots = reply
    with pytest.raises(error, match=said):
        search(client())
    assert site.searches() == []


def test_no_robots_txt_allows_everything(site: Site, client: Make) -> None:
    site.robots = Reply(404)
    assert search(client())


def test_a_changed_robots_txt_ends_a_run(site: Site, client: Make) -> None:
    asking = client()
    search(asking)
    site.robots = Reply(200, "User-agent: therapist-scraper\nDisallow: /")
    search(asking)  # it was read a moment ago
    site.clock.sleep(3601)
    with pytest.raises(Refused, match="has changed and no longer allows us"):
        search(asking)


@pytest.mark.parametrize(
    ("manners", "said"),
    [
        ({"contact": ""}, "neither an e-mail address nor a web page"),
        ({"contact": "nobody"}, "neither an e-mail address nor a web page"),
        ({"contact": "a@example.org\r\nX-Evil: 1"}, "neither an e-mail address nor a web page"),
        ({"authorization": "Bearer x\nX-Evil: 1"}, "one line of printable ASCII"),
        ({"authorization": ""}, "one line of printable ASCII"),
        ({"interval": -1}, "the interval must be 0.5 seconds or more"),
        ({"interval": float("nan")}, "the interval must be 0.5 seconds or more"),
    ],
)
def test_bad_manners_are_refused(client: Make, manners: dict[str, Any], said: str) -> None:
    with pytest.raises(ScraperError, match=said):
        client(**manners)


@pytest.mark.parametrize(
    "address", ["", "http://[::1/", "arztsuche.116117.de", "ftp://example.org", "https://me@example.org"]
)
def test_what_is_no_site_is_named(address: str) -> None:
    with pytest.raises(ScraperError, match="not the address of a site"):
        PoliteClient(address, Manners("scraper@example.org"))


def test_a_foreign_site_is_asked_twice_a_second_at_most() -> None:
    with pytest.raises(ScraperError, match=r"0\.5 seconds or more"):
        PoliteClient("https://arztsuche.example.org", Manners("scraper@example.org", interval=0.4))
