"""Stop what `./nexa up` started here, in order; harmless when nothing runs."""

from __future__ import annotations

import argparse
import os
import signal
import sys

from runtime.settings import read
from runtime.state import Recorded, State

_SUPERVISOR = 60.0  # seconds; it gives its worker 30, its servers 10 and 15
_REST = 5.0  # seconds for what the kernel ends with its parent


def configure(parser: argparse.ArgumentParser) -> None:
    """It takes no options."""


def run(arguments: argparse.Namespace) -> int:
    """Stop the supervisor, and make sure of the rest."""
    home = read(os.environ).home
    state = State.read(home)
    if state is None:
        sys.stderr.write("nothing runs here\n")
        return 0
    _end(state.supervisor, signal.SIGTERM, _SUPERVISOR)
    for process in state.processes:
        if not process.await_end(_REST):
            _end(process, signal.SIGTERM, _REST)
    state.forget(home)
    sys.stderr.write("stopped\n")
    return 0


def _end(process: Recorded, wanted: signal.Signals, seconds: float) -> None:
    process.ask(wanted)
    if not process.await_end(seconds):
        process.ask(signal.SIGKILL)
        process.await_end(_REST)
