"""`make postman` and `make postman-run`: `python -m operations.postman`."""

from __future__ import annotations

import sys

import click

from operations import env_file, environment
from operations.explained_commands import ExplainedCommand
from operations.postman import files, runner
from shared.runtime.terminal import print_line


@click.command(cls=ExplainedCommand)
@click.option("--sign-in", is_flag=True, help="Write the first administrator's password into the environment.")
@click.option("--run", is_flag=True, help="Send every request to the running platform with newman; signs in.")
@click.argument("more", nargs=-1, metavar="[-- OPTION_OF_NEWMAN]...")
def main(sign_in: bool, run: bool, more: tuple[str, ...]) -> None:
    """Write the Postman collection of all services and its environment below build/postman."""
    root = environment.ROOT
    settings = env_file.load(root)
    if run:
        runner.refuse_without_sign_in(settings)
    written = files.write(root, settings, with_sign_in=sign_in or run)
    for file in written:
        print_line(str(file))
    if run:
        sys.exit(runner.run(root, written, more))


if __name__ == "__main__":
    main(prog_name="python -m operations.postman")
