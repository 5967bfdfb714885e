"""Give a token for scripts: of an operator, a passenger or a partner. Development only.

The token is what the doors themselves would give; `--json` prints it with the headers that carry it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from domains.access import actions
from domains.access.commands import AddSecret, RegisterPartner
from domains.access.model import Scope
from gateway.operator import PROVIDER
from gateway.signin.partners import client_id, partner_token
from gateway.signin.passengers import Links, passenger_token
from gateway.signin.people import BY_ROLE, PEOPLE
from gateway.signin.provider import ACCESS_LIFETIME, access_token
from gateway.signin.tokens import SigningKey
from kernel.database import Database
from kernel.identity import Passenger, Role
from kernel.tenancy import Tenant, TenantError
from kernel.urn import Urn, UrnError
from runtime import site
from runtime.commands import CommandError
from runtime.settings import Settings, read

DEVELOPMENT = Urn("urn:partner:development")


def configure(parser: argparse.ArgumentParser) -> None:
    """Whose token, and what it may."""
    parser.add_argument("audience", choices=("operator", "passenger", "partner"), metavar="operator|passenger|partner")
    parser.add_argument("--tenant", type=_tenant, default=Tenant("b6"), help="the airline (b6)")
    parser.add_argument("--role", type=Role, choices=list(Role), default=Role.ADMIN, help="operator: the role (ADMIN)")
    parser.add_argument("--person", choices=[person.id for person in PEOPLE], help="operator: somebody by name instead of a role")
    parser.add_argument("--scopes", default="cases.read disruptions.write", help="partner: scopes, separated by blanks or commas")
    parser.add_argument("--sub-case", type=_sub_case, help="passenger: whose trip")
    parser.add_argument("--lifetime", type=float, help="operator: seconds until it ends (900)")
    parser.add_argument("--json", action="store_true", help="print {token, headers, …} as JSON")


def run(arguments: argparse.Namespace) -> int:
    """Print it."""
    settings = read(site.here(os.environ))
    if settings.production:
        raise CommandError("tokens are given by the doors themselves; this command is for development")
    if arguments.audience == "operator":
        said = _operator(settings, arguments)
    elif arguments.audience == "passenger":
        said = _passenger(settings, arguments)
    else:
        said = asyncio.run(_partner(settings, arguments))
    told = {"token": said["token"], "headers": {"authorization": f"Bearer {said['token']}"}, **said}
    sys.stdout.write((json.dumps(told) if arguments.json else told["token"]) + "\n")
    return 0


def _operator(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    key = SigningKey.rsa(settings.need("provider_key").reveal())
    person = next((one for one in PEOPLE if one.id == arguments.person), BY_ROLE[arguments.role])
    lifetime = ACCESS_LIFETIME if arguments.lifetime is None else timedelta(seconds=arguments.lifetime)
    return {"token": access_token(key, settings.operator_url + PROVIDER, person, arguments.tenant, lifetime)}


def _passenger(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    if arguments.sub_case is None:
        raise CommandError("say whose trip with --sub-case URN")
    tenant, sub_case = arguments.tenant, arguments.sub_case
    links = Links(SigningKey.ed25519(settings.need("link_key").reveal()), settings.passenger_url)
    session = passenger_token(SigningKey.ed25519(settings.need("session_key").reveal()), Passenger(tenant, sub_case, sub_case))
    return {"token": session, "link": links.magic_link(tenant, sub_case)}


async def _partner(settings: Settings, arguments: argparse.Namespace) -> dict[str, Any]:
    """The site's own registration, made when it is first asked for; its secret is kept beside the site's other ones."""
    scopes = frozenset(arguments.scopes.replace(",", " ").split())
    tenant: Tenant = arguments.tenant
    access = Database("access", settings.database("access").reveal(), pool=1)
    try:
        async with access.work(tenant) as work:
            await actions.register_partner(work, RegisterPartner(DEVELOPMENT, "Scripts of this site", scopes | frozenset(Scope)))
            kept = settings.home / "partners" / tenant
            secret = await actions.add_secret(work, AddSecret(DEVELOPMENT, kept.read_text() if kept.exists() else None))
            _keep(kept, secret)
    finally:
        await access.close()
    key = SigningKey.rsa(settings.need("partner_key").reveal())
    token = partner_token(key, settings.partner_url, tenant, DEVELOPMENT, scopes)
    return {"token": token, "client": {"id": client_id(tenant, DEVELOPMENT), "secret": secret}}


def _keep(file: Path, secret: str) -> None:
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(secret)


def _tenant(name: str) -> Tenant:
    try:
        return Tenant(name)
    except TenantError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _sub_case(text: str) -> Urn:
    try:
        return Urn(text).expect("sub-case")
    except UrnError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
