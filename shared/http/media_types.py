"""In which of several forms the caller wants the response."""

from __future__ import annotations

from flask import request


def preferred(*offered: str) -> str:
    """Returns the media type that the header `Accept` prefers; the first one where it says nothing that is offered."""
    return request.accept_mimetypes.best_match(offered) or offered[0]
