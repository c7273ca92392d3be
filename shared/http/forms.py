"""Forms of pages without scripts, as browsers send them."""

from __future__ import annotations

from flask import request

from shared.http.inputs import raw_body


def read_form() -> dict[str, str]:
    """Returns the fields of the present request's form, of each its first value; empty where it sent no form.

    Raises what `raw_body` does.
    """
    raw_body()
    return request.form.to_dict()
