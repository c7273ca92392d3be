"""Prometheus metrics that every service has; names follow `platform_<thing>_<unit>`."""

from __future__ import annotations

from threading import Lock
from typing import Any

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)


class LazyGauge:
    """A gauge that a process exports from the first time it sets it; before, and in every process that never does, it
    is absent. A 0 there would say that nothing waits and nobody is in a crisis, and nobody had looked.
    """

    def __init__(self, name: str, documentation: str, *, multiprocess_mode: str) -> None:
        self._name, self._documentation, self._mode = name, documentation, multiprocess_mode
        self._gauge: Gauge | None = None
        self._lock = Lock()

    def set(self, value: float) -> None:
        """Export this value from now on."""
        with self._lock:
            if self._gauge is None:
                mode: Any = self._mode
                self._gauge = Gauge(self._name, self._documentation, multiprocess_mode=mode)
        self._gauge.set(value)


QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

requests_seconds = Histogram(
    "platform_http_request_seconds", "Time to answer a request", ["method", "route", "status"], buckets=QUICK
)
requests_refused = Counter(
    "platform_http_refused_total", "Requests that the server itself refused: malformed, too large, too slow", ["status"]
)
connections_ended = Counter(
    "platform_http_connections_ended_total",
    "Connections closed by a deadline (header, body, answer, idle, lingering) or a limit (crowded, memory)",
    ["reason"],
)
tokens_refused = Counter(
    "platform_tokens_refused_total", "Requests whose access token was missing or not accepted, by the code", ["code"]
)
token_key_fetches = Counter(
    "platform_token_key_fetches_total", "Attempts to fetch the keys of the issuer of access tokens", ["outcome"]
)
token_issuer_away_seconds = LazyGauge(
    "platform_token_issuer_away_seconds",
    "Seconds since the issuer of access tokens last answered, as of the last attempt; 0 when it answers",
    multiprocess_mode="livemax",
)
service_calls = Counter(
    "platform_service_calls_total",
    "Calls to another service (answered, failed; not_tried: it failed a moment ago)",
    ["service", "outcome"],
)
events_published = Counter("platform_events_published_total", "Events committed to Kafka by the relay")
events_handled = Counter("platform_events_handled_total", "Events whose transaction committed", ["type"])
events_repeated = Counter("platform_events_repeated_total", "Events skipped because they were handled before")
events_dead_lettered = Counter("platform_events_dead_lettered_total", "Events that became dead letters")
consumer_retries = Counter("platform_consumer_retries_total", "Retries because the database or Kafka did not answer")
duty_failures = Counter("platform_duty_failures_total", "Times a worker's duty ended with an error", ["duty"])
duty_trouble_seconds = Gauge(
    "platform_duty_trouble_seconds",
    "Seconds for which a worker's duty has failed or retried, as of its last attempt; 0 when it works",
    ["duty"],
    multiprocess_mode="mostrecent",
)
consumer_lag = LazyGauge(
    "platform_consumer_lag",
    "Offsets on Kafka that the service's consumer group has not read",
    multiprocess_mode="mostrecent",
)
consumer_stalled_seconds = LazyGauge(
    "platform_consumer_stalled_seconds",
    "Seconds since anything was read of the partition that has been stalled longest; 0 when none is",
    multiprocess_mode="mostrecent",
)
events_behind_seconds = LazyGauge(
    "platform_events_behind_seconds",
    "Seconds for which it is not certain that everything that other services said is handled here",
    multiprocess_mode="mostrecent",
)
copies_ahead = LazyGauge(
    "platform_copies_ahead",
    "Copies that are ahead of their source until it republishes",
    multiprocess_mode="mostrecent",
)
outbox_waiting = LazyGauge("platform_outbox_waiting", "Events not yet published", multiprocess_mode="mostrecent")
dead_letters_waiting = LazyGauge(
    "platform_dead_letters_waiting", "Dead letters that wait for a decision", multiprocess_mode="mostrecent"
)
event_age_seconds = Histogram(
    "platform_event_age_seconds",
    "From the oldest event of a poll to the commit of its effects",
    buckets=(*QUICK, 30, 60, 300, 3600),
)
emails_handed_over = Counter(
    "platform_emails_handed_over_total",
    "Attempts to send an e-mail through the mail server, by outcome",
    ["outcome"],
)
mail_server_in_trouble = LazyGauge(
    "platform_mail_server_in_trouble",
    "1 while no e-mails are sent because of the mail server",
    multiprocess_mode="mostrecent",
)
mailbox_in_trouble = LazyGauge(
    "platform_mailbox_in_trouble",
    "1 while the mailbox cannot be read into which answers and bounces come",
    multiprocess_mode="mostrecent",
)
replies_read = Counter("platform_replies_read_total", "E-mails of the mailbox that were kept")
replies_waiting = LazyGauge(
    "platform_replies_waiting", "E-mails that came back and wait for staff", multiprocess_mode="mostrecent"
)
crises_unacknowledged = LazyGauge(
    "platform_crises_unacknowledged",
    "Patients in a crisis that nobody has acknowledged, counted every minute",
    multiprocess_mode="mostrecent",
)
imports_held = LazyGauge(
    "platform_imports_held",
    "Files with therapists that wait for a person's approval, and later files with them, counted every minute",
    multiprocess_mode="mostrecent",
)
import_file_age_seconds = LazyGauge(
    "platform_import_file_age_seconds",
    "Seconds since the last file with therapists arrived that could be read",
    multiprocess_mode="mostrecent",
)
import_file_not_applied = LazyGauge(
    "platform_import_file_not_applied",
    "1 while the newest file with therapists is one that failed or was rejected",
    multiprocess_mode="mostrecent",
)
import_file_size_ratio = LazyGauge(
    "platform_import_file_size_ratio",
    "Size of the newest file with therapists, divided by the median of the 14 before it that were applied",
    multiprocess_mode="mostrecent",
)
geocoder_requests = Counter(
    "platform_geocoder_requests_total",
    "Requests to the geocoder (found, not_found, implausible: what it said cannot be; failed: no answer)",
    ["outcome"],
)
geocoder_in_trouble = LazyGauge(
    "platform_geocoder_in_trouble",
    "1 while no addresses are looked up since the geocoder does not answer",
    multiprocess_mode="mostrecent",
)
addresses_waiting = LazyGauge(
    "platform_addresses_waiting",
    "Addresses of practices, or that somebody asked for, that the geocoder is still to be asked for",
    multiprocess_mode="mostrecent",
)
router_requests = Counter(
    "platform_router_answers_total",
    "Ways that a router was asked for (found, not_found, implausible: what it said cannot be; failed: no answer)",
    ["mode", "outcome"],
)
routers_in_trouble = LazyGauge(
    "platform_routers_in_trouble",
    "Modes of travel whose ways are only estimated since their router does not answer",
    multiprocess_mode="mostrecent",
)
routes_waiting = LazyGauge(
    "platform_routes_waiting",
    "Ways that a router is still to be asked for",
    multiprocess_mode="mostrecent",
)
patient_files_unreadable = Counter(
    "platform_patient_files_unreadable_total",
    "Times that a patient's file could not be opened (without_key, damaged, key_unknown)",
    ["why"],
)
jobs_seconds = Histogram("platform_job_seconds", "Time a job took", ["job", "outcome"], buckets=(*QUICK, 30, 60, 300))


def exposition(multiprocess_directory: str | None) -> tuple[bytes, str]:
    """Returns the metrics as text, of all web processes where they share a directory, and the content type."""
    if multiprocess_directory is None:
        return generate_latest(REGISTRY), CONTENT_TYPE_LATEST
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, path=multiprocess_directory)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST
