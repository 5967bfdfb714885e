"""What Nexa needs of an airline's PSS. Reads only: an unclear answer may always be asked again."""

from __future__ import annotations

from typing import Protocol

from domains.airline.model import Manifest, ManifestEntry, NextFlight
from kernel.answer import Answer
from kernel.tenancy import Tenant
from kernel.urn import Urn


class Manifests(Protocol):
    """A PSS that knows who sits on which flight."""

    async def manifest(self, tenant: Tenant, flight: Urn) -> Answer[Manifest]:
        """The manifest of `flight`, entries in the PSS's own order, each PNR once.

        `Ok` also for a flight without passengers · `Declined` (`FLIGHT_NOT_FOUND`) when the PSS does not know the flight or says
        it is another airline's, (`NOT_OFFERED`) when its contract lists no flight's passengers · `NotSent` when the PSS cannot be
        reached · `Unknown` for everything else, a manifest that breaks the contract included. Repeating is free in every case.
        """
        ...

    async def entry(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[ManifestEntry]:
        """What the manifest of `flight` says, or would say, of this PNR. For a PSS that lists nobody it is the way to read one booking.

        `Declined` (`FLIGHT_NOT_FOUND`, `PNR_NOT_FOUND`) when the PSS knows no such booking on this flight; else as `manifest`.
        """
        ...

    async def next_flight(self, tenant: Tenant, flight: Urn, pnr: Urn) -> Answer[NextFlight | None]:
        """The flight that the PNR of a cancelled `flight` was re-seated on; `Ok(None)` while there is none.

        `Declined` (`FLIGHT_NOT_FOUND`, `PNR_NOT_FOUND`) when the PSS knows no such thing; else as `manifest`.
        """
        ...
