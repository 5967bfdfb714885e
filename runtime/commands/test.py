"""Run every test: behaviour, architecture, types and style; arguments go to pytest.

Ends with pytest's own closing line and exit code.
"""

from __future__ import annotations

import argparse
import os
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything after the command's name is pytest's."""
    parser.usage = "nexa test [pytest's arguments, such as -k lock, or a path]"
    parser.set_defaults(takes_foreign=True)


def run(arguments: argparse.Namespace) -> int:
    """Become pytest."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments.foreign])
