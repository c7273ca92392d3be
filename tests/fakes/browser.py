"""A real browser without a window, told what to do over a pipe (the Chrome DevTools Protocol)."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

CHROMIUM = shutil.which("chromium")
OPTIONS = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")


@dataclass
class Browser:
    """One page of it."""

    orders: BinaryIO
    answers: BinaryIO
    session: str | None = None
    complaints: list[str] = field(default_factory=list)
    """What the browser wrote into its console: errors, and what a policy forbade."""
    requests: list[str] = field(default_factory=list)
    """Where it sent requests to, since `Network.enable` was ordered; in their order."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def order(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Have something done and return what came of it."""
        number = next(self._numbers)
        said = {"id": number, "method": method, "params": parameters}
        self.orders.write(json.dumps(said | ({"sessionId": self.session} if self.session else {})).encode() + b"\0")
        while (answer := self._next()).get("id") != number:
            if answer.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
                self.complaints.append(str(answer["params"]))
            if answer.get("method") == "Network.requestWillBeSent":
                self.requests.append(answer["params"]["request"]["url"])
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        result: dict[str, Any] = answer["result"]
        return result

    def _next(self) -> dict[str, Any]:
        read = bytearray()
        while (byte := self.answers.read(1)) != b"\0":
            if not byte:
                raise RuntimeError("the browser has ended")
            read += byte
        answer: dict[str, Any] = json.loads(read)
        return answer

    def run(self, script: str) -> Any:
        """The value of an expression, or of its promise, in the page."""
        done = self.order("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            raise RuntimeError(f"{done['exceptionDetails']}, after {self.complaints}")
        return done["result"].get("value")


@contextmanager
def browsing(folder: Path) -> Iterator[Browser]:
    """A browser with an empty page, which keeps its files in this folder."""
    (reads, orders), (answers, writes) = os.pipe(), os.pipe()
    command = f'exec "$0" "$@" 3<&{reads} 4>&{writes}'
    process = subprocess.Popen(
        ["bash", "-c", command, str(CHROMIUM), *OPTIONS, f"--user-data-dir={folder}"],
        pass_fds=(reads, writes),
        stderr=subprocess.DEVNULL,
    )
    os.close(reads)
    os.close(writes)
    with os.fdopen(orders, "wb", buffering=0) as into, os.fdopen(answers, "rb") as out, process:
        try:
            browser = Browser(into, out)
            target = browser.order("Target.createTarget", url="about:blank")["targetId"]
            browser.session = browser.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            browser.order("Log.enable")
            browser.order("Runtime.enable")
            yield browser
        finally:
            process.terminate()
