"""Run every test: behaviour, architecture, types and style; arguments go to pytest.

Without arguments the whole suite runs side by side on two workers, each with servers of its own. Ends with pytest's own closing line
and exit code.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Final

_SIDE_BY_SIDE: Final = ("-n", "2", "--dist", "loadscope", "--no-loadscope-reorder")  # tests/conftest.py says what stays together


def configure(parser: argparse.ArgumentParser) -> None:
    """Everything after the command's name is pytest's."""
    parser.usage = "nexa test [pytest's arguments, such as -k lock, or a path]"
    parser.set_defaults(takes_foreign=True)


def run(arguments: argparse.Namespace) -> int:
    """Become pytest."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *(arguments.foreign or _SIDE_BY_SIDE)])
