"""What a process is told from outside, read once from the environment and never changed.

Each kind of process is told only what it needs: `NEEDS` is that table, the supervisor hands out exactly these names, and in
production a process refuses to start when one is missing, is a known default, or was not meant for it. So the passenger
gateway cannot reach an operational database even by mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kernel.secret import Secret
from kernel.tenancy import Tenant, TenantError

DOMAINS: Final = ("cases", "policies", "booking", "wallet", "notifications", "audit", "access")
DATABASES: Final = (*DOMAINS, "intake")  # the airline domain keeps nothing

_DOMAIN_URLS: Final = frozenset(f"NEXA_{name.upper()}_URL" for name in DOMAINS)
_DATABASE_URLS: Final = _DOMAIN_URLS | {"NEXA_INTAKE_URL"}
_PUBLIC: Final = frozenset({"NEXA_PUBLIC_HOST", "NEXA_OPERATOR_URL", "NEXA_PASSENGER_URL", "NEXA_PARTNER_URL"})  # known to everybody
_COMMON: Final = _PUBLIC | {"NEXA_HOME", "NEXA_ENVIRONMENT", "NEXA_TENANTS", "NEXA_CLOCK_OFFSET", "NEXA_HOST", "NEXA_PORT", "NEXA_LOG"}
_TOO_SHORT: Final = 12  # characters; no generated password is shorter, every placeholder is
_DEFAULTS: Final = frozenset({"nexa", "postgres", "password", "secret", "changeme", "change-me", "example", "development"})


class SettingsError(ValueError):
    """The environment does not say what this process needs, or says what it must not know."""


class Environment(StrEnum):
    """What is at stake."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


class Process(StrEnum):
    """The kinds of process there are, each with its own needs."""

    OPERATOR = "operator"
    PASSENGER = "passenger"
    PARTNER = "partner"
    WORKER = "worker"
    MIGRATE = "migrate"
    SANDBOX = "sandbox"


@dataclass(frozen=True, slots=True)
class Need:
    """The names a process must be told, and those it may be told besides."""

    required: frozenset[str]
    optional: frozenset[str] = frozenset()

    @property
    def all(self) -> frozenset[str]:
        """Everything it may know."""
        return self.required | self.optional | _COMMON


_RINGING: Final = frozenset({"NEXA_COORDINATION_URL", "NEXA_QUEUE_URL"})

NEEDS: Final[Mapping[Process, Need]] = {
    Process.OPERATOR: Need(_DOMAIN_URLS | _RINGING, frozenset({"NEXA_PROVIDER_KEY", "NEXA_PLATFORM_URL", "NEXA_PARTNER_LIMITS"})),
    Process.PASSENGER: Need(frozenset({"NEXA_INTAKE_URL", "NEXA_SNAPSHOT_URL", "NEXA_LINK_PUBLIC_KEY", "NEXA_SESSION_KEY"})),
    Process.PARTNER: Need(_DOMAIN_URLS | _RINGING | {"NEXA_PARTNER_KEY"}, frozenset({"NEXA_SECRETS_DIR"})),
    Process.WORKER: Need(
        _DATABASE_URLS | _RINGING | {"NEXA_RELAY_URL", "NEXA_DISPATCH_URL", "NEXA_SNAPSHOT_URL", "NEXA_LINK_KEY"},
        frozenset(
            {
                "NEXA_PLATFORM_URL",
                "NEXA_PARTNER_LIMITS",
                "NEXA_SETTLE_SCALE",
                "NEXA_SANDBOX_URL",
                "NEXA_SANDBOX_RATE",
                "NEXA_SECRETS_DIR",
            }
        ),
    ),
    Process.MIGRATE: Need(_DATABASE_URLS | {"NEXA_DATABASE_URL", "NEXA_RELAY_URL", "NEXA_DISPATCH_URL"}),
    Process.SANDBOX: Need(frozenset(), frozenset({"NEXA_SECRETS_DIR", "NEXA_SANDBOX_RATE"})),
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything a process may be told. What it was not told is None, empty, or the default of development."""

    environment: Environment = Environment.DEVELOPMENT
    home: Path = Path(".nexa")
    tenants: tuple[Tenant, ...] = ()  # none named: all that the access domain knows
    host: str = "127.0.0.1"
    port: int | None = None
    public_host: str = "localhost"
    operator_url: str = "http://localhost:8400"  # as a browser sees it: the console and the operators' endpoint
    passenger_url: str = "http://{tenant}.localhost:8401"  # one host per airline, never shared
    partner_url: str = "http://localhost:8402"
    log: str = "INFO"
    database_url: Secret | None = None  # the administrator's; for migrate alone
    database_urls: Mapping[str, Secret] = field(default_factory=dict)  # by domain, and `intake`; app roles
    relay_url: Secret | None = None
    dispatch_url: Secret | None = None
    snapshot_url: Secret | None = None
    coordination_url: Secret | None = None
    queue_url: Secret | None = None
    platform_url: Secret | None = None  # the coordination store again, for slots and breakers; not told: as coordination
    link_key: Secret | None = None  # Ed25519 seed; signs what an SMS carries, so only the worker has it
    link_public_key: Secret | None = None  # its public half, by which the passenger gateway knows a link
    session_key: Secret | None = None  # Ed25519 seed of passengers' sessions
    partner_key: Secret | None = None  # RSA, PEM; signs partners' access tokens
    provider_key: Secret | None = None  # RSA, PEM; the built-in provider for operators, development only
    settle_scale: float = 1.0  # multiplies every settle time
    partner_limits: Mapping[str, float] = field(default_factory=dict)  # calls a second, by vendor or vendor:tenant
    sandbox_url: str | None = None  # set: partners are reached there, each under its own path
    sandbox_rate: float = 50.0  # calls per second a sandbox allows each partner
    secrets_dir: Path | None = None

    def database(self, domain: str) -> Secret:
        """The app role's address of a domain's database. Raises: SettingsError."""
        url = self.database_urls.get(domain)
        if url is None:
            raise SettingsError(f"NEXA_{domain.upper()}_URL is not set")
        return url

    def need(self, name: str) -> Secret:
        """A secret by its field's name. Raises: SettingsError when this process was not told it."""
        value = getattr(self, name)
        if not isinstance(value, Secret):
            raise SettingsError(f"NEXA_{name.upper()} is not set")
        return value

    @property
    def platform(self) -> Secret:
        """Where slots and breakers are kept. Raises: SettingsError."""
        return self.platform_url or self.need("coordination_url")

    @property
    def production(self) -> bool:
        """Whether real passengers are at the other end."""
        return self.environment is Environment.PRODUCTION


def read(environ: Mapping[str, str], process: Process | None = None) -> Settings:
    """The settings in `environ`, held against the needs of `process`. `NAME_FILE` names a file with NAME's value.

    Raises: SettingsError, which names every variable at fault and prints no value.
    """
    told = _with_files({name: value for name, value in environ.items() if name.startswith("NEXA_") and value != ""})
    settings = _parse(told)
    if process is not None:
        _hold_against(NEEDS[process], told, process, settings.production)
    return settings


def for_process(process: Process, told: Mapping[str, str]) -> dict[str, str]:
    """Of everything the supervisor knows, what this process may."""
    return {name: value for name, value in told.items() if name in NEEDS[process].all}


def _parse(told: Mapping[str, str]) -> Settings:
    def secret(name: str) -> Secret | None:
        return Secret(told[name]) if name in told else None

    host = told.get("NEXA_PUBLIC_HOST", "localhost")
    return Settings(
        environment=_environment(told.get("NEXA_ENVIRONMENT", "development")),
        home=Path(told.get("NEXA_HOME", ".nexa")).absolute(),
        tenants=_tenants(told.get("NEXA_TENANTS", "")),
        host=told.get("NEXA_HOST", "127.0.0.1"),
        port=int(_number(told, "NEXA_PORT", 0)) or None,
        public_host=host,
        operator_url=told.get("NEXA_OPERATOR_URL", f"http://{host}:8400"),
        passenger_url=told.get("NEXA_PASSENGER_URL", f"http://{{tenant}}.{host}:8401"),
        partner_url=told.get("NEXA_PARTNER_URL", f"http://{host}:8402"),
        log=told.get("NEXA_LOG", "INFO").upper(),
        database_url=secret("NEXA_DATABASE_URL"),
        database_urls={name: Secret(told[key]) for name in DATABASES if (key := f"NEXA_{name.upper()}_URL") in told},
        relay_url=secret("NEXA_RELAY_URL"),
        dispatch_url=secret("NEXA_DISPATCH_URL"),
        snapshot_url=secret("NEXA_SNAPSHOT_URL"),
        coordination_url=secret("NEXA_COORDINATION_URL"),
        queue_url=secret("NEXA_QUEUE_URL"),
        platform_url=secret("NEXA_PLATFORM_URL"),
        link_key=secret("NEXA_LINK_KEY"),
        link_public_key=secret("NEXA_LINK_PUBLIC_KEY"),
        session_key=secret("NEXA_SESSION_KEY"),
        partner_key=secret("NEXA_PARTNER_KEY"),
        provider_key=secret("NEXA_PROVIDER_KEY"),
        settle_scale=_number(told, "NEXA_SETTLE_SCALE", 1.0),
        partner_limits=_limits(told.get("NEXA_PARTNER_LIMITS", "")),
        sandbox_url=told.get("NEXA_SANDBOX_URL"),
        sandbox_rate=_number(told, "NEXA_SANDBOX_RATE", 50.0),
        secrets_dir=Path(told["NEXA_SECRETS_DIR"]) if "NEXA_SECRETS_DIR" in told else None,
    )


def _with_files(told: Mapping[str, str]) -> dict[str, str]:
    """Container platforms hand out secrets as files."""
    values = dict(told)
    for name, value in told.items():
        plain = name.removesuffix("_FILE")
        if plain != name:
            try:
                values[plain] = Path(value).read_text().strip()
            except OSError as error:
                raise SettingsError(f"{name}: cannot read the file it names ({error.strerror})") from None
            del values[name]
    return values


def _hold_against(need: Need, told: Mapping[str, str], process: Process, production: bool) -> None:
    faults = [f"{name} is missing" for name in sorted(need.required - told.keys())]
    if production:
        faults += [f"{name} still holds a default" for name in sorted(told.keys() & _secret_names()) if _is_default(told[name])]
        faults += [f"{name} is not for this process" for name in _unmeant(need, told)]
        if "NEXA_SANDBOX_URL" in told or process is Process.SANDBOX:
            faults.append("sandboxes have no place in production")
        if "NEXA_PROVIDER_KEY" in told:
            faults.append("NEXA_PROVIDER_KEY belongs to the development provider; name an issuer instead")
    if faults:
        raise SettingsError(f"{process} cannot start: " + "; ".join(faults))


def _unmeant(need: Need, told: Mapping[str, str]) -> Iterable[str]:
    known = frozenset[str]().union(*(other.all for other in NEEDS.values()))
    return sorted((told.keys() & known) - need.all)


def _secret_names() -> frozenset[str]:
    keys = {"NEXA_LINK_KEY", "NEXA_SESSION_KEY", "NEXA_PARTNER_KEY", "NEXA_PROVIDER_KEY"}
    stores = {
        "NEXA_DATABASE_URL",
        "NEXA_RELAY_URL",
        "NEXA_DISPATCH_URL",
        "NEXA_SNAPSHOT_URL",
        "NEXA_COORDINATION_URL",
        "NEXA_QUEUE_URL",
        "NEXA_PLATFORM_URL",
    }
    return _DATABASE_URLS | keys | stores | {"NEXA_PLATFORM_URL"}


def _is_default(value: str) -> bool:
    """A placeholder, or an address whose password is one or is missing."""
    guarded = (urlsplit(value).password or "") if "://" in value else value
    return len(guarded) < _TOO_SHORT or guarded.lower() in _DEFAULTS


def _environment(text: str) -> Environment:
    try:
        return Environment(text.lower())
    except ValueError:
        raise SettingsError(f"NEXA_ENVIRONMENT is {text[:40]!r}; expected one of: {', '.join(Environment)}") from None


def _tenants(text: str) -> tuple[Tenant, ...]:
    try:
        return tuple(Tenant(name) for name in text.replace(" ", "").split(",") if name)
    except TenantError as error:
        raise SettingsError(f"NEXA_TENANTS: {error}") from None


def _limits(text: str) -> dict[str, float]:
    limits = {}
    for each in filter(None, text.replace(" ", "").split(",")):
        name, _, number = each.partition("=")
        try:
            limits[name] = float(number)
        except ValueError:
            raise SettingsError(f"NEXA_PARTNER_LIMITS: {each[:40]!r} is not vendor=calls or vendor:tenant=calls a second") from None
        if not 0 < limits[name] < float("inf"):
            raise SettingsError(f"NEXA_PARTNER_LIMITS: {each[:40]!r} allows nothing, or everything")
    return limits


def _number(told: Mapping[str, str], name: str, default: float) -> float:
    try:
        return float(told.get(name, default))
    except ValueError:
        raise SettingsError(f"{name} is {told[name][:40]!r}; expected a number") from None
