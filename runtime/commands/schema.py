"""Print what an audience sees (operator, passenger, partner), or what a domain says to a federation router.

`print NAME` writes one schema to standard output; `update` writes all of them to the files under schema/printed/ that tests compare.
"""

from __future__ import annotations

import argparse
import sys

from schema import printing


def configure(parser: argparse.ArgumentParser) -> None:
    """One of two words, and a name for the first."""
    what = parser.add_subparsers(dest="what", metavar="print|update", required=True)
    one = what.add_parser("print", help="Print one schema.")
    one.add_argument("name", metavar="AUDIENCE|SUBGRAPH", choices=printing.names(), help=", ".join(printing.names()))
    what.add_parser("update", help="Write every schema to its file.")


def run(arguments: argparse.Namespace) -> int:
    """Print one, or write all."""
    if arguments.what == "print":
        sys.stdout.write(printing.text_of(arguments.name))
        return 0
    for name in printing.names():
        home = printing.file_of(name)
        home.parent.mkdir(parents=True, exist_ok=True)
        home.write_text(printing.text_of(name))
    return 0
