"""The whole platform on real parts, one for all tests of a run; each test has its own people and places."""

from __future__ import annotations

from collections.abc import Generator, Iterator

import pytest

from operations.sign_in import AccessTokens
from testkit.api_client import ApiClient
from testkit.private_platform import PrivatePlatform, private_platform
from tests.end_to_end.operators import trouble_of
from tests.end_to_end.weeks import Weeks
from tests.infrastructure import STATE_OF_THE_PLATFORM


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivatePlatform]:
    """Every part and every process, ready."""
    quick = {
        "CONTACT_GATHERING_SECONDS": "1",
        "CONTACT_CONFIRMATION_DELAY_SECONDS": "1",
        "CONTACT_EMAIL_RETRY_SECONDS": "2",
    }
    # six relays that look fifty times a second cost an eighth of a processor for as long as the platform runs, and
    # five times a second a thirtieth less than ten times
    calm = {"RELAY_POLL_SECONDS": "0.2"}
    moved = {"TESTING_CLOCK": str(tmp_path_factory.mktemp("clock") / "ahead")}
    with private_platform(quick | calm | moved, WITNESS_DATABASE_PASSWORD="witness") as platform:
        platform.up()
        yield platform


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests in which weeks pass be the last ones: the platform's clock does not go back for the others."""
    items.sort(key=lambda item: "weeks" in getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to the report of a failed test what its platform says, which is gone when the report is read."""
    report = yield
    platform = item.funcargs.get("platform")
    if report.when == "call" and report.failed and isinstance(platform, PrivatePlatform):
        try:
            said = trouble_of(platform)
        except Exception as problem:  # the platform may be the very trouble
            said = f"cannot be read: {problem}"
        report.sections.append((STATE_OF_THE_PLATFORM, said))
    return report


@pytest.fixture(scope="session")
def tokens(platform: PrivatePlatform) -> AccessTokens:
    """The sign-in of the first administrator, once for all tests."""
    return AccessTokens(platform.settings)


@pytest.fixture
def api(platform: PrivatePlatform, tokens: AccessTokens) -> ApiClient:
    """Staff at their desk; whatever a test stopped is started again before the next one."""
    start_what_is_missing(platform)
    platform.mailbox.accept()
    return ApiClient(platform.settings, tokens)


@pytest.fixture
def weeks(platform: PrivatePlatform, api: ApiClient, tokens: AccessTokens) -> Weeks:
    """Time that the test lets pass."""
    return Weeks(platform, api, tokens)


def start_what_is_missing(platform: PrivatePlatform) -> None:
    """Start the processes that do not run or do not work, without the tasks of a first start.

    Those would cost two seconds a test, and even an `up` that finds everything running compares all sources.
    """
    if not all(platform.process(spec.name).is_ready() for spec in platform.process_specs):
        platform.up([spec.name for spec in platform.process_specs])
