"""Sends for contracted carriers. Implements booking's `Rides` over any channel for short texts."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Final

from adapters.contracted import VENDOR
from adapters.contracted.contracts import Carrier, called_off, carriers, ordered
from domains.booking.ports import Drive, Quote, Ride, RideOrder, Rider, RideStatus
from domains.notifications.ports import Sms, Text, digest
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.http import Unintelligible
from kernel.secret import SecretMissingError, Secrets
from kernel.tenancy import Tenant

log = logging.getLogger("nexa.partner")


class Contracted:
    """Rides by the carriers that an airline has a contract with."""

    vendor: Final = VENDOR

    def __init__(self, desks: Sms, secrets: Secrets) -> None:
        self._desks = desks
        self._secrets = secrets

    async def quotes(self, tenant: Tenant, drive: Drive) -> Answer[tuple[Quote, ...]]:
        """By the contracts alone: nobody is asked. An airline without contracts covers nothing."""
        made = [carrier.quote(drive) for carrier in self._carriers(tenant)]
        return Ok(tuple(quote for quote in made if quote is not None))

    async def dispatch(self, tenant: Tenant, order: RideOrder, rider: Rider) -> Answer[Ride]:
        carrier = self._carrier(tenant, order)
        if carrier is None:
            return _no_contract(order)
        answer = await self._desks.send(tenant, Text(carrier.desk, ordered(order)))
        return Ok(_asked(order)) if isinstance(answer, Ok) else answer

    async def find(self, tenant: Tenant, order: RideOrder, since: datetime) -> Answer[Ride | None]:
        """Whether its desk was sent for; a cancellation counts as the newer word."""
        carrier = self._carrier(tenant, order)
        if carrier is None:
            return NotSent("the contract with this carrier is not at hand")
        gone = await self._desks.find(tenant, carrier.desk, digest(called_off(order)), since)
        if not isinstance(gone, Ok):
            return gone
        if gone.value is not None:
            return Ok(Ride(order.client_reference, order.client_reference, RideStatus.CANCELLED))
        sent = await self._desks.find(tenant, carrier.desk, digest(ordered(order)), since)
        return Ok(_asked(order) if sent.value else None) if isinstance(sent, Ok) else sent

    async def read(self, tenant: Tenant, order: RideOrder, reference: str) -> Answer[Ride]:
        return Declined("NOT_OFFERED", "a contracted carrier does not say how a ride goes on")

    async def cancel(self, tenant: Tenant, order: RideOrder, reference: str) -> Answer[Ride]:
        """A desk that is told twice does no harm."""
        carrier = self._carrier(tenant, order)
        if carrier is None:
            return _no_contract(order)
        answer = await self._desks.send(tenant, Text(carrier.desk, called_off(order)))
        return Ok(Ride(reference, order.client_reference, RideStatus.CANCELLED)) if isinstance(answer, Ok) else answer

    def _carrier(self, tenant: Tenant, order: RideOrder) -> Carrier | None:
        return next((carrier for carrier in self._carriers(tenant) if carrier.name == order.quote.key), None)

    def _carriers(self, tenant: Tenant) -> tuple[Carrier, ...]:
        """None for an account that cannot be read: nobody is sent for on half a contract."""
        try:
            return carriers(self._secrets.vendor(tenant, VENDOR)["carriers"].reveal())
        except (SecretMissingError, KeyError):
            return ()
        except Unintelligible as error:
            log.warning("the contracts of %s with its carriers cannot be read: %s", tenant, error)
            return ()


def _asked(order: RideOrder) -> Ride:
    return Ride(order.client_reference, order.client_reference, RideStatus.REQUESTED)


def _no_contract(order: RideOrder) -> Declined:
    return Declined("NO_CONTRACT", f"there is no contract with {order.quote.name}")
