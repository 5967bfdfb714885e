"""The only one who talks to Twilio. Implements notifications' `Sms`."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

from adapters.twilio import SHEET, VENDOR, translate
from domains.notifications.ports import SentText, Text
from kernel import clock
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, Request, form_request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant

T = TypeVar("T")
_PAGE: Final = 1000  # the most they list; no number gets as many from us


class Twilio:
    """Short texts by Twilio, for every tenant that has an account there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def send(self, tenant: Tenant, text: Text) -> Answer[SentText]:
        if not translate.E164.fullmatch(text.to):
            return Declined("INVALID_NUMBER", "the number is not in E.164")
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        request = form_request(_path(account), translate.fields(text, _sender(account)))
        return await self._ask(tenant, "send", request, account, lambda reply: translate.created(reply, text.to))

    async def find(self, tenant: Tenant, to: str, body_digest: str, since: datetime) -> Answer[SentText | None]:
        """Not filtered by `DateSent`: a message that is still queued has none."""
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        request = Request("GET", _path(account), query=(("To", to), ("PageSize", str(_PAGE))))
        return await self._ask(tenant, "find", request, account, lambda reply: translate.found(reply, to, body_digest, since))

    async def probe(self, tenant: Tenant) -> None:
        """Asks for what was sent to a number that nobody has."""
        await self.find(tenant, "+10000000000", "", clock.now())

    async def _ask(
        self, tenant: Tenant, operation: str, request: Request, account: Mapping[str, Secret], understand: Callable[[Reply], T]
    ) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else translate.refusal(reply)

        pair = f"{account['account_sid'].reveal()}:{account['auth_token'].reveal()}"
        head = {"authorization": "Basic " + base64.b64encode(pair.encode()).decode(), "accept": "application/json"}
        return await self._partner.ask(tenant, operation, request.with_headers(head), understood)

    def _account(self, tenant: Tenant) -> Mapping[str, Secret] | None:
        """None when something is missing."""
        try:
            account = self._secrets.vendor(tenant, VENDOR)
        except SecretMissingError:
            return None
        complete = "account_sid" in account and "auth_token" in account and ("from" in account or "messaging_service_sid" in account)
        return account if complete else None


def _path(account: Mapping[str, Secret]) -> str:
    return f"/2010-04-01/Accounts/{account['account_sid'].reveal()}/Messages.json"


def _sender(account: Mapping[str, Secret]) -> dict[str, str]:
    if "messaging_service_sid" in account:
        return {"MessagingServiceSid": account["messaging_service_sid"].reveal()}
    return {"From": account["from"].reveal()}
