"""What a site on one machine knows: its secrets, made once and kept, and the addresses of everything in it.

`told` is the whole of it, as environment variables; `settings.for_process` gives each process its share. What the user's own
environment says comes first, so any server can be one of his own.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote, urlsplit, urlunsplit

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from kernel.migration import DISPATCH, RELAY, app_role
from runtime.embedded.postgres import Postgres
from runtime.embedded.valkey import Valkeys, ValkeyUrls
from runtime.settings import DATABASES, read
from runtime.state import running

BASE: Final = 8400
_ROLES: Final = {**{name: app_role(name) for name in DATABASES}, "relay": RELAY, "dispatch": DISPATCH}
_ANY_DATABASE: Final = "nexa_cases"  # relay and dispatch replace it by the one they look at


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports of a site, counted from its base."""

    base: int = BASE

    @property
    def gateways(self) -> dict[str, int]:
        """The three front doors."""
        return {"operator": self.base, "passenger": self.base + 1, "partner": self.base + 2}

    @property
    def sandbox(self) -> int:
        """All partners' sandboxes, each under its path."""
        return self.base + 10

    @property
    def postgres(self) -> int:
        """The embedded Postgres."""
        return self.base + 20

    @property
    def valkeys(self) -> tuple[int, int, int]:
        """Snapshots, coordination, queue."""
        return self.base + 21, self.base + 22, self.base + 23

    @property
    def by_use(self) -> dict[str, int]:
        """Every port and what it is for."""
        stores = dict(zip(("valkey snapshots", "valkey coordination", "valkey queue"), self.valkeys, strict=True))
        return {**self.gateways, "sandbox": self.sandbox, "postgres": self.postgres, **stores}


def secrets_of(home: Path) -> dict[str, str]:
    """The site's passwords and keys, made at first use; a new name gets its value when it is first asked for."""
    file = home / "secrets.json"
    kept: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    wanted = {f"password:{role}": _password for role in _ROLES.values()}
    wanted |= {"NEXA_LINK_KEY": _seed, "NEXA_SESSION_KEY": _seed, "NEXA_PARTNER_KEY": _rsa, "NEXA_PROVIDER_KEY": _rsa}
    missing = {name: make() for name, make in wanted.items() if name not in kept}
    if "NEXA_LINK_PUBLIC_KEY" not in kept:
        missing["NEXA_LINK_PUBLIC_KEY"] = _public(kept.get("NEXA_LINK_KEY") or missing["NEXA_LINK_KEY"])
    if missing:
        kept |= missing
        home.mkdir(parents=True, exist_ok=True)
        fresh = file.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(kept, indent=1))
        os.replace(fresh, file)
    return kept


def role_urls(admin_url: str, kept: Mapping[str, str]) -> dict[str, str]:
    """The address of each app role, and of relay and dispatch, on the administrator's server: by `cases`, …, `relay`, `dispatch`."""
    parts = urlsplit(admin_url)
    place = parts.netloc.rpartition("@")[2]
    urls = {}
    for name, role in _ROLES.items():
        database = f"nexa_{name}" if name in DATABASES else _ANY_DATABASE
        password = quote(kept[f"password:{role}"], safe="")
        urls[name] = urlunsplit(parts._replace(netloc=f"{role}:{password}@{place}", path=f"/{database}"))
    return urls


def store_names(urls: Mapping[str, str]) -> dict[str, str]:
    """Those addresses under the names of environment variables."""
    return {f"NEXA_{name.upper()}_URL": url for name, url in urls.items()}


def told(home: Path, ports: Ports, environ: Mapping[str, str], admin_url: str | None, valkeys: ValkeyUrls | None) -> dict[str, str]:
    """Everything the site knows. `admin_url` and `valkeys` are the embedded servers', where they run."""
    kept = secrets_of(home)
    host = environ.get("NEXA_PUBLIC_HOST", "localhost")
    gateways = ports.gateways
    knows = {
        "NEXA_HOME": str(home),
        "NEXA_ENVIRONMENT": "development",
        "NEXA_PUBLIC_HOST": host,
        "NEXA_OPERATOR_URL": f"http://{host}:{gateways['operator']}",
        "NEXA_PASSENGER_URL": f"http://{{tenant}}.{host}:{gateways['passenger']}",
        "NEXA_PARTNER_URL": f"http://{host}:{gateways['partner']}",
        "NEXA_SANDBOX_URL": f"http://127.0.0.1:{ports.sandbox}",
        "NEXA_SECRETS_DIR": str(home / "secrets"),
        **{name: value for name, value in kept.items() if name.startswith("NEXA_")},
    }
    if administrator := environ.get("NEXA_DATABASE_URL") or admin_url:
        knows |= {"NEXA_DATABASE_URL": administrator, **store_names(role_urls(administrator, kept))}
    if valkeys:
        knows |= {"NEXA_SNAPSHOT_URL": valkeys.snapshots, "NEXA_COORDINATION_URL": valkeys.coordination, "NEXA_QUEUE_URL": valkeys.queue}
        knows |= {"NEXA_PLATFORM_URL": valkeys.platform}
    return knows | {name: value for name, value in environ.items() if name.startswith("NEXA_") and value}


def of_running(home: Path, base: int, environ: Mapping[str, str]) -> dict[str, str]:
    """What the running site knows, put together again from what is kept below its home."""
    ports = Ports(base)
    postgres = None if brings_postgres(environ) else Postgres(home / "postgres", port=ports.postgres).url
    valkeys = None if brings_valkeys(environ) else Valkeys(home / "valkey", ports=ports.valkeys).urls
    return told(home, ports, environ, postgres, valkeys)


def here(environ: Mapping[str, str]) -> dict[str, str]:
    """What a command is told: the environment, and where a site runs below its home, everything that one knows."""
    home = read(environ).home
    state = running(home)
    return of_running(home, state.base, environ) if state else dict(environ)


def brings_postgres(environ: Mapping[str, str]) -> bool:
    """Whether the user has a Postgres of his own: one for all, or one per domain."""
    return bool(environ.get("NEXA_DATABASE_URL")) or all(environ.get(name) for name in store_names(dict.fromkeys(_ROLES, "")))


def brings_valkeys(environ: Mapping[str, str]) -> bool:
    """Whether the user has his own three."""
    return all(environ.get(name) for name in ("NEXA_SNAPSHOT_URL", "NEXA_COORDINATION_URL", "NEXA_QUEUE_URL"))


def _password() -> str:
    return secrets.token_urlsafe(24)


def _seed() -> str:
    """32 bytes: a key for HMAC, or the seed of an Ed25519 key."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode().rstrip("=")


def _public(seed: str) -> str:
    """The public half of an Ed25519 key."""
    key = ed25519.Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(seed + "="))
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")


def _rsa() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
