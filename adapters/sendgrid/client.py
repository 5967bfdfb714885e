"""The only one who talks to SendGrid. Implements notifications' `Mail`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from adapters.sendgrid import SHEET, VENDOR, translate
from adapters.sendgrid.wire import Address
from domains.notifications.ports import Letter, SentText
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, json_request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant


class Sendgrid:
    """E-mail by SendGrid, for every tenant that has an account there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def send(self, tenant: Tenant, letter: Letter) -> Answer[SentText]:
        if not translate.ADDRESS.fullmatch(letter.to):
            return Declined("INVALID_ADDRESS", "the address is not one that e-mail can be sent to")
        account = self._account(tenant)
        if account is None:
            return Declined("NO_ACCOUNT", "the airline has no account for e-mail")  # definite: the next channel need not wait

        def understood(reply: Reply) -> SentText | Declined | NotSent | Unknown:
            return translate.sent(reply, letter.reference) if reply.ok else translate.refusal(reply)

        head = {"authorization": f"Bearer {account['api_key'].reveal()}", "accept": "application/json"}
        request = json_request("POST", "/v3/mail/send", translate.mail(letter, _sender(account)), head)
        return await self._partner.ask(tenant, "send", request, understood)

    def _account(self, tenant: Tenant) -> Mapping[str, Secret] | None:
        """None when something is missing."""
        try:
            account = self._secrets.vendor(tenant, VENDOR)
        except SecretMissingError:
            return None
        return account if "api_key" in account and "from" in account else None


def _sender(account: Mapping[str, Secret]) -> Address:
    sender: Address = {"email": account["from"].reveal()}
    if "from_name" in account:
        sender["name"] = account["from_name"].reveal()
    return sender
