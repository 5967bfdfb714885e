"""The only one who talks to OpenAI. Implements policies' `Reader`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeVar

from adapters.openai import SHEET, VENDOR, translate
from domains.policies.ports import Filled, Form
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, Request, json_request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant

T = TypeVar("T")
_MODEL: Final = "gpt-5-mini"  # where the account names none


class OpenAi:
    """Words read by OpenAI, for every tenant that has an account there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def fill(self, tenant: Tenant, form: Form) -> Answer[Filled]:
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        model = account["model"].reveal() if "model" in account else _MODEL
        request = json_request("POST", "/v1/chat/completions", translate.request(form, model))
        return await self._ask(tenant, "fill", request, account, lambda reply: translate.filled(reply, form))

    async def probe(self, tenant: Tenant) -> None:
        """Asks which models there are."""
        account = self._account(tenant)
        if account is not None:
            await self._ask(tenant, "models", Request("GET", "/v1/models"), account, lambda reply: None)

    async def _ask(
        self, tenant: Tenant, operation: str, request: Request, account: Mapping[str, Secret], understand: Callable[[Reply], T | Declined]
    ) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else translate.refusal(reply)

        head = {"authorization": f"Bearer {account['api_key'].reveal()}", "accept": "application/json"}
        return await self._partner.ask(tenant, operation, request.with_headers(head), understood)

    def _account(self, tenant: Tenant) -> Mapping[str, Secret] | None:
        """None when something is missing."""
        try:
            account = self._secrets.vendor(tenant, VENDOR)
        except SecretMissingError:
            return None
        return account if "api_key" in account else None
