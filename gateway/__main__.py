"""`make gateway`: writes `gateway/nginx.conf.template` from the services' routes."""

from __future__ import annotations

import click

from gateway.configuration import TEMPLATE, render
from gateway.paths import forwarded_paths


@click.command()
def main() -> None:
    """Write gateway/nginx.conf.template from the services' routes."""
    TEMPLATE.write_text(render(forwarded_paths()), encoding="utf-8")


if __name__ == "__main__":
    main(prog_name="python -m gateway")
