"""`./nexa COMMAND …`: finds the command's module in `runtime/commands/` and runs it.

Only the module that was asked for is imported, so `./nexa token` does not pay for what `./nexa up` needs. A module name is the
command's name, with `_` for `-`.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
from collections.abc import Sequence
from typing import Protocol, cast

from kernel.refusal import Refusal
from kernel.secret import SecretMissingError
from runtime import commands
from runtime.commands import CommandError
from runtime.embedded.privilege import PrivilegeError
from runtime.embedded.process import ServerError
from runtime.settings import SettingsError


class Command(Protocol):
    """What a module in `runtime/commands/` provides."""

    __doc__: str | None

    def configure(self, parser: argparse.ArgumentParser) -> None:
        """Add the command's options."""
        ...

    def run(self, arguments: argparse.Namespace) -> int:
        """Do it and return the exit code."""
        ...


def names() -> list[str]:
    """The commands there are, by name."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(commands.__path__))


def load(name: str) -> Command:
    """The module of a command that exists."""
    return cast(Command, importlib.import_module(f"{commands.__name__}.{name.replace('-', '_')}"))


def parser_for(argv: Sequence[str]) -> argparse.ArgumentParser:
    """A parser that knows every command's name, and all about the one that is asked for."""
    parser = argparse.ArgumentParser(prog="nexa", description="Nexa: re-accommodation for disrupted airline passengers.")
    chosen = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    known = names()
    asked = argv[0] if argv and argv[0] in known else None
    for name in [asked] if asked else known:
        command = load(name)
        summary = (command.__doc__ or "").strip().splitlines()[0]
        command_parser = chosen.add_parser(name, help=summary, description=command.__doc__)
        command.configure(command_parser)
        command_parser.set_defaults(run=command.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = parser_for(words)
    arguments, foreign = parser.parse_known_args(words)
    if foreign and not getattr(arguments, "takes_foreign", False):
        parser.error(f"unrecognized arguments: {' '.join(foreign)}")
    arguments.foreign = foreign
    try:
        return int(arguments.run(arguments))
    except (CommandError, SettingsError, ServerError, PrivilegeError, SecretMissingError, Refusal) as error:
        sys.stderr.write(f"nexa: {error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
