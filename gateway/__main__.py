"""`make gateway`: writes `gateway/nginx.conf.template` from the services' routes."""

from __future__ import annotations

from gateway.configuration import TEMPLATE, render
from gateway.paths import forwarded_paths

if __name__ == "__main__":
    TEMPLATE.write_text(render(forwarded_paths()), encoding="utf-8")
