"""Check the trusted documents: every one must still be valid under its audience's contract.

Exit code 0 when all are, 1 when a change of the schema would break one; it says which, and why.
"""

from __future__ import annotations

import argparse
import json
import sys

from gateway.documents import documents_of
from gateway.engine import Engine, Invalid
from schema.audience import EACH
from schema.contract import contract


def configure(parser: argparse.ArgumentParser) -> None:
    """`documents check`."""
    verbs = parser.add_subparsers(dest="verb", metavar="check", required=True)
    checking = verbs.add_parser("check", help="validate every trusted document against its contract")
    checking.add_argument("--json", action="store_true", help="for scripts: {documents, broken}")


def run(arguments: argparse.Namespace) -> int:
    """Check."""
    known, broken = 0, []
    for audience in EACH:
        name = str(audience.name).lower()
        engine = Engine(contract(audience))
        for document in documents_of(name):
            known += 1
            try:
                engine.prepare(document.text).operation(None)
            except Invalid as invalid:
                broken += [{"document": f"{name}/{document.name}", "why": error["message"]} for error in invalid.answer["errors"]]
    if arguments.json:
        sys.stdout.write(json.dumps({"documents": known, "broken": broken}) + "\n")
    else:
        for one in broken:
            sys.stdout.write(f"{one['document']}: {one['why']}\n")
        sys.stdout.write(f"{known} documents, {len(broken)} faults\n")
    return 1 if broken else 0
