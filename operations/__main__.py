"""The command line behind `make up`, `make down`, `make status`, `make logs` and `make mails`."""

import argparse
import sys

from operations import commands
from operations.failures import Failure


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m operations", description=__doc__)
    commands_of = parser.add_subparsers(dest="command", required=True, metavar="up|down|status|logs|mails|demo")
    up = commands_of.add_parser("up", help="start everything that is missing and wait until it is ready")
    up.add_argument("only", nargs="*", metavar="NAME", help="only these parts, services, or steps (migrations, topics)")
    commands_of.add_parser("down", help="stop exactly what up started")
    commands_of.add_parser("status", help="every process with its address, state and memory")
    logs = commands_of.add_parser("logs", help="the end of the logs; on a terminal it goes on as they grow")
    logs.add_argument("name", nargs="?", help="a part (kafka), a process (matching_service.web) or a service")
    mails = commands_of.add_parser("mails", help="the mails that the catcher kept")
    mails.add_argument("id", nargs="?", help="one mail, whole")
    commands_of.add_parser("demo", help="play the platform's main job from a file to a letter")
    return parser.parse_args()


def main() -> int:
    """The exit code of one command."""
    given = _arguments()
    try:
        match given.command:
            case "up":
                commands.up(given.only)
            case "down":
                commands.down()
            case "status":
                commands.status()
            case "logs":
                commands.logs(given.name)
            case "mails":
                commands.mails(given.id)
            case "demo":
                commands.demo()
    except Failure as failure:
        print(f"\n{failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ninterrupted; what was started keeps running, `make down` stops it", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
