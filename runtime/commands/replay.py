"""Play the February 2013 blizzard into the running site.

Flights that were played before answer with the same case, so it may be repeated.
"""

from __future__ import annotations

import argparse
import asyncio
import os

from rich.console import Console

from runtime import site
from runtime.commands import CommandError
from runtime.replay.play import ReplayError
from runtime.replay.show import play_here
from runtime.settings import read


def configure(parser: argparse.ArgumentParser) -> None:
    """How much of it, and how fast."""
    parser.add_argument("--flights", type=int, default=40, metavar="N", help="how many cancelled flights to play (default: 40)")
    parser.add_argument("--speed", type=float, default=60.0, metavar="X", help="how much faster than the real storm (default: 60)")
    parser.add_argument("--no-contracts", action="store_true", help="sign none of the hotels' own contracts: all rooms are partners' rooms")


def run(arguments: argparse.Namespace) -> int:
    """Play."""
    if arguments.flights < 1 or arguments.speed <= 0:
        raise CommandError("--flights and --speed must be more than nothing")
    console = Console(highlight=False)
    settings = read(site.here(os.environ))
    try:
        playing = play_here(
            settings, flights=arguments.flights, speed=arguments.speed, console=console, contracted=not arguments.no_contracts
        )
        done = asyncio.run(playing)
    except ReplayError as error:
        raise CommandError(f"{error}; is a site running? ./nexa up") from error
    console.print(f"{done.played} flights played, {done.repeated} of them known already; {done.parties} parties aboard")
    return 0
