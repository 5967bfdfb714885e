"""The only one who talks to Anthropic. Implements policies' `Reader`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from adapters.anthropic import SHEET, VENDOR, translate
from domains.policies.ports import Filled, Form
from kernel.answer import Answer, Declined, NotSent, Unknown
from kernel.http import Http, Reply, json_request
from kernel.partner import Gate, OpenGate, PartnerClient
from kernel.secret import Secret, SecretMissingError, Secrets
from kernel.tenancy import Tenant

T = TypeVar("T")
_MODEL: Final = "claude-sonnet-4-5"  # where the account names none
_VERSION: Final = "2023-06-01"  # where the account names none


class Anthropic:
    """Words read by Anthropic, for every tenant that has an account there."""

    vendor: Final = VENDOR

    def __init__(self, http: Http, secrets: Secrets, gate: Gate | None = None) -> None:
        self._partner = PartnerClient(SHEET, http, gate or OpenGate())
        self._secrets = secrets

    async def fill(self, tenant: Tenant, form: Form) -> Answer[Filled]:
        account = self._account(tenant)
        if account is None:
            return NotSent("no account with this partner")
        return await self._ask(tenant, translate.request(form, _model(account)), account, lambda reply: translate.filled(reply, form))

    async def probe(self, tenant: Tenant) -> None:
        account = self._account(tenant)
        if account is not None:
            await self._ask(tenant, translate.knock(_model(account)), account, lambda reply: None)

    async def _ask(
        self, tenant: Tenant, asked: dict[str, Any], account: Mapping[str, Secret], understand: Callable[[Reply], T | Declined]
    ) -> Answer[T]:
        def understood(reply: Reply) -> T | Declined | NotSent | Unknown:
            return understand(reply) if reply.ok else translate.refusal(reply)

        request = json_request("POST", "/v1/messages", asked, {**_signed(account), "accept": "application/json"})
        return await self._partner.ask(tenant, "fill", request, understood)

    def _account(self, tenant: Tenant) -> Mapping[str, Secret] | None:
        """None when something is missing."""
        try:
            account = self._secrets.vendor(tenant, VENDOR)
        except SecretMissingError:
            return None
        return account if "api_key" in account else None


def _model(account: Mapping[str, Secret]) -> str:
    return account["model"].reveal() if "model" in account else _MODEL


def _signed(account: Mapping[str, Secret]) -> dict[str, str]:
    """The key in the classic header, unless the account wants it as a bearer: newer versions of theirs do."""
    key, version = account["api_key"].reveal(), account["version"].reveal() if "version" in account else _VERSION
    bearer = "sign_in" in account and account["sign_in"].reveal() == "bearer"
    return {**({"authorization": f"Bearer {key}"} if bearer else {"x-api-key": key}), "anthropic-version": version}
