"""Plays the storm into a running site through its front doors: manifests into the airlines' PSS sandbox, disruptions by push.

The gap between two pushes is the gap between their scheduled departures divided by `speed`; no timer of the product is touched.
A flight that was pushed before answers with the same case, so playing twice changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import quote

from adapters.custom_pss import translate
from domains.airline.model import Manifest
from kernel.http import Http, Reply, Request, TransportError, json_request
from kernel.tenancy import Tenant
from runtime.replay.storm import Departure, Storm

PATIENCE = 5  # tries of one push before the replay gives up
PAUSE = 1.0  # seconds between two tries, growing by itself
WITHIN = 20.0  # seconds for one answer

Token = Callable[[Tenant], Awaitable[str]]
"""A partner's access token of this airline, with the scope `disruptions.write`."""


class ReplayError(RuntimeError):
    """The site did not take the storm; says what it answered."""


@dataclass(slots=True)
class Progress:
    """How far it is: flights played of all, parties aboard them, and how many of the flights the site knew already."""

    flights: int
    played: int = 0
    parties: int = 0
    repeated: int = 0
    last: str = ""


async def play(
    partner: Http, pss: Http, token: Token, *, flights: int, speed: float, told: Callable[[Progress], None] = lambda _: None
) -> Progress:
    """Plays the first `flights` cancellations. `partner` opens the partner door's `/partner/v1`, `pss` the PSS sandbox's control door.

    Raises: ReplayError.
    """
    storm = Storm()
    progress = Progress(min(flights, len(storm.cancellations)))
    before: Departure | None = None
    for departure, manifest in storm.manifests(flights):
        if before is not None:
            await asyncio.sleep((departure.departs - before.departs).total_seconds() / speed)
        before = departure
        await _seat(pss, departure, manifest)
        reply = await _push(partner, await token(departure.tenant), departure, storm.label)
        progress.played += 1
        progress.parties += len(manifest.entries)
        progress.repeated += reply.headers.get("x-nexa-replayed") == "true"
        progress.last = f"{departure.carrier}{departure.number} {departure.origin}-{departure.destination}"
        told(progress)
    return progress


async def _seat(pss: Http, departure: Departure, manifest: Manifest) -> None:
    path = f"/{departure.tenant}/flights/{quote(departure.urn.id, safe='')}"
    await _insist(pss, json_request("PUT", path, translate.written(manifest)), {204})


async def _push(partner: Http, token: str, departure: Departure, label: str) -> Reply:
    body = {
        "externalEventId": f"{departure.urn.id}-cancelled",
        "flight": departure.urn,
        "airport": departure.origin,
        "destination": departure.destination,
        "scheduledDeparture": departure.departs.isoformat(),
        "cause": label,
    }
    request = json_request("POST", "/disruptions", body, {"authorization": f"Bearer {token}"})
    return await _insist(partner, request, {200, 202})


async def _insist(http: Http, request: Request, welcome: set[int]) -> Reply:
    """Both calls may be repeated, so a site that is just starting or restarting is asked again."""
    said = ""
    for attempt in range(PATIENCE):
        try:
            reply = await http.send(request, WITHIN)
        except TransportError as error:
            said = f"{type(error).__name__}: {error}"
        else:
            if reply.status in welcome:
                return reply
            said = f"{reply.status} {reply.body[:300].decode(errors='replace')}"
            if reply.status < 500 and reply.status != 429:
                break
        await asyncio.sleep(PAUSE * (attempt + 1))
    raise ReplayError(f"{request.method} {request.path} answered: {said}")
