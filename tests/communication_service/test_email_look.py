"""How e-mails look in a real browser: on the screen of a phone, with the longest words that come."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from communication_service.domain import template_kinds, template_words
from communication_service.domain.first_templates import FirstTemplate, first_templates
from communication_service.domain.template_kinds import KINDS, Texts
from communication_service.domain.template_samples import sample
from communication_service.domain.template_values import InquiryValues
from communication_service.domain.templates import joined
from shared.runtime import clock
from shared.values.weekly import Weekly
from tests.fakes.browser import CHROMIUM, Browser, browsing

WIDTH = 360
"""Pixels of a small phone."""
EMAILS = [each for each in first_templates() if not KINDS[each.kind].is_script]
VIEWPORT = '<meta name="viewport" content="width=device-width">'
LOADED = "http://127.0.0.1:9/x.png"
"""An address where nothing answers."""
EVERY_DAY = Weekly.of([(day * 24 * 60 + 9 * 60, day * 24 * 60 + 12 * 60) for day in range(7)])

LOOK = """(() => {
  const shown = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const small = [], hidden = [], broken = [];
  for (let node; (node = shown.nextNode());) {
    if (!node.data.trim()) continue;
    const range = document.createRange(), style = getComputedStyle(node.parentElement);
    range.selectNodeContents(node);
    const isLabel = node.parentElement.matches("td:first-child:not(:only-child)");
    if (isLabel && new Set([...range.getClientRects()].map((box) => box.top)).size > 1) broken.push(node.data);
    if (parseFloat(style.fontSize) < 12) small.push(node.data);
    for (const box of range.getClientRects())
      if (box.width && (box.left < 0 || box.right > innerWidth || !box.height)) hidden.push(node.data);
    if (!range.getClientRects().length || style.visibility !== "visible" || style.color === "rgb(255, 255, 255)")
      hidden.push(node.data);
  }
  return {
    width: innerWidth, scrolls: document.documentElement.scrollWidth, small, hidden, broken,
    text: document.body.innerText,
  };
})()"""
"""What somebody sees of the page."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser as wide as a phone, which must not reach anything."""
    with browsing(tmp_path_factory.mktemp("browser")) as running:
        size = {"width": WIDTH, "height": 640, "deviceScaleFactor": 2, "mobile": True}
        running.order("Emulation.setDeviceMetricsOverride", **size)
        running.order("Network.enable")
        yield running


def written(first: FirstTemplate) -> str:
    """The e-mail as HTML, with words that do not fit into a line."""
    texts = template_kinds.read(first.kind, Texts(first.subject, first.body_text, first.body_html))
    values: Any = sample(first.kind, first.language, number=6)
    values = replace(values, greeting=f"{values.greeting}-Wolfeschlegelsteinhausenbergerdorff-Donaudampfschifffahrt")
    if isinstance(values, InquiryValues):
        long = {
            "diagnosis_group": template_words.diagnosis_group("F50-F59", first.language),
            "availability": template_words.hours(EVERY_DAY, first.language),
            "summary": ["Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz " * 3, "x" * 200],
        }
        values = replace(values, patients=[replace(each, **long) for each in values.patients])
    return joined(*template_kinds.rendered(first.kind, texts, values)).html


def looked_at(browser: Browser, html: str) -> Any:
    frame = browser.order("Page.getFrameTree")["frameTree"]["frame"]["id"]
    browser.order("Page.setDocumentContent", frameId=frame, html=html)
    loaded = 'new Promise((done) => document.readyState === "complete" ? done() : addEventListener("load", done))'
    return browser.run(f"{loaded}.then(() => {LOOK})")


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")
def test_an_email_is_readable_on_a_phone_and_loads_nothing(browser: Browser) -> None:
    for first in EMAILS:
        seen = looked_at(browser, written(first))
        name = f"{first.kind}.{first.language}"
        assert seen["width"] == WIDTH, name
        assert seen["scrolls"] <= WIDTH, f"{name} is wider than the screen"
        assert (seen["small"], seen["hidden"], seen["broken"]) == ([], [], []), name
        assert "Donaudampfschifffahrt" in seen["text"], name
        assert "vermittlung@example.org" in seen["text"], name
    # requests are noted in their order: when that of the last page is, there was none before
    looked_at(browser, f'<img src="{LOADED}">')
    deadline = clock.monotonic() + 150
    while not browser.requests and clock.monotonic() < deadline:
        browser.run("1")
    assert browser.requests == [LOADED]
    browser.requests.clear()


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium (apt-get install chromium)")
def test_what_does_not_fit_on_a_phone_is_found(browser: Browser) -> None:
    wide = looked_at(browser, f'{VIEWPORT}<p style="width: 900px">x</p><p style="margin-left: -50px">left</p>')
    assert wide["scrolls"] > WIDTH
    assert wide["hidden"] == ["left"]
    assert looked_at(browser, '<p style="font-size: 6px">x</p>')["small"] == ["x"]
    label = (
        f'{VIEWPORT}<table style="overflow-wrap: anywhere"><tr><td>Versicherung</td><td>{"x " * 99}</td></tr></table>'
    )
    assert looked_at(browser, label)["broken"] == ["Versicherung"]
