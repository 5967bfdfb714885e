"""The only one who talks to the Cloud API. Implements notifications' `Chat`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.whatsapp import SHEET, VENDOR, translate
from domains.notifications.ports import Note, SentText
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, json_request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant

VERSION: Final = "v23.0"


class Whatsapp:
    """Chat messages by WhatsApp, for every tenant that has a number there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def send(self, tenant: Tenant, note: Note) -> Answer[SentText]:
        if not translate.E164.fullmatch(note.to):
            return Declined("INVALID_NUMBER", "the number is not in E.164")
        account = self._account(tenant)
        if account is None:
            return Declined("NO_ACCOUNT", "the airline has no account for chat")  # definite: the next channel need not wait

        def understood(reply: Reply) -> SentText | Declined | NotSent | Unknown:
            return translate.accepted(reply, note.to) if reply.ok else translate.refusal(reply)

        head = {"authorization": f"Bearer {account['token'].reveal()}", "accept": "application/json"}
        path = f"/{VERSION}/{account['phone_number_id'].reveal()}/messages"
        return await self._partner.ask(tenant, "send", json_request("POST", path, translate.message(note), head), understood)

    def _account(self, tenant: Tenant) -> Mapping[str, Secret] | None:
        """None when something is missing."""
        try:
            account = self._secrets.vendor(tenant, VENDOR)
        except SecretMissingError:
            return None
        return account if "token" in account and "phone_number_id" in account else None
