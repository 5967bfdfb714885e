"""What our adapters send and what our twins answer, held against the vendors' own documents; and their own libraries against our twins.

The table of it is printed at the end of the run. `tests/harness/contracts.py` says how a partner plugs in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import pytest

from adapters.hotelbeds import VENDOR as HOTELBEDS
from adapters.registry import SHEETS, SandboxSecrets
from kernel import clock
from kernel.sandbox.faults import FaultKind
from tests.harness import sdks
from tests.harness.contracts import (
    ROOT,
    SPECS,
    Contract,
    Line,
    Part,
    against_answer,
    against_request,
    contracts,
    exchange_of,
    hold,
    note,
    violations,
)
from tests.harness.partners import T1, partners

LINES: Final = [(contract, line) for contract, _ in contracts().values() for line in contract.lines]
LIBRARIES: Final = [contract for contract, _ in contracts().values() if contract.sdk is not None]


def named(cases: Sequence[tuple[Contract, Line]]) -> list[str]:
    return [f"{contract.vendor}-{line.operation}" for contract, line in cases]


@pytest.mark.parametrize("vendor", sorted(SHEETS))
def test_every_operation_is_held_against_a_document_or_says_why_not(vendor: str, request: pytest.FixtureRequest) -> None:
    assert vendor in contracts(), f"tests/adapters/{vendor}/contract.py is missing"
    contract, _ = contracts()[vendor]
    documented = {line.operation for line in contract.lines}
    for operation, why in contract.undocumented.items():
        for part in Part:
            note(request, vendor, operation, part, "no document", [why] if part is Part.REQUEST else [])
    assert documented.isdisjoint(contract.undocumented)
    assert documented | set(contract.undocumented) == set(SHEETS[vendor].operations)


@pytest.mark.parametrize(("contract", "line"), LINES, ids=named(LINES))
async def test_a_request_is_as_published(contract: Contract, line: Line, request: pytest.FixtureRequest) -> None:
    known = line.known(Part.REQUEST)
    note(request, contract.vendor, line.operation, Part.REQUEST, "valid", [each.why for each in known])
    hold(against_request(line, await exchange_of(contract, line)), known)


@pytest.mark.parametrize(("contract", "line"), LINES, ids=named(LINES))
async def test_an_answer_is_as_published(contract: Contract, line: Line, request: pytest.FixtureRequest) -> None:
    known = line.known(Part.ANSWER)
    note(request, contract.vendor, line.operation, Part.ANSWER, "valid", [each.why for each in known])
    hold(against_answer(line, await exchange_of(contract, line)), known)


@pytest.mark.parametrize("contract", LIBRARIES, ids=lambda contract: contract.vendor)
async def test_the_vendors_own_library_works(contract: Contract, request: pytest.FixtureRequest) -> None:
    assert contract.sdk is not None
    library = f"{contract.sdk.distribution} {sdks.version(contract.sdk.distribution)}"
    for operation in contract.sdk.operations:
        note(request, contract.vendor, operation, "SDK", f"{library} passes")
    account = {name: secret.reveal() for name, secret in SandboxSecrets().vendor(T1, contract.vendor).items()}
    script = contracts()[contract.vendor][1] / "sdk.py"
    world = partners()
    if contract.sdk.prepare is not None:
        await contract.sdk.prepare(world)
    assert await sdks.speak(script, world.witnesses[contract.vendor], account) == dict.fromkeys(contract.sdk.operations, "ok")


@pytest.mark.parametrize(("kind", "status"), [(FaultKind.REFUSE, 500), (FaultKind.ERROR, 500)])
async def test_hotelbeds_errors_have_the_published_envelope(kind: FaultKind, status: int) -> None:
    world = partners()
    world.order("hotelbeds", kind, "find")
    await world.registry.hotels[HOTELBEDS].find(T1, "x", (clock.now().date(), clock.now().date()))
    (exchange,) = world.said(HOTELBEDS)
    schema = {"$ref": "#/components/schemas/bookingListRS"}
    assert exchange.status == status
    assert violations("hotelbeds-booking.json", schema, json.loads(exchange.answered)) == []


VECTORS: Final = (
    ("hotelbeds_request", "tests/adapters/hotelbeds/test_hotelbeds.py"),
    ("twilio_form", "tests/adapters/twilio/test_twilio.py"),
    ("twilio_json", "tests/adapters/twilio/test_twilio.py"),
    ("twilio_form_sharedkey_sha256", "tests/adapters/twilio/test_twilio.py"),
    ("sabre_basic", "tests/adapters/sabre/test_sabre.py"),
    ("uber_webhook", "tests/adapters/uber/test_uber.py"),
)


@pytest.mark.parametrize(("name", "test"), VECTORS)
def test_the_vectors_in_our_tests_are_the_published_ones(name: str, test: str) -> None:
    file = SPECS / "signature-vectors.json"
    if not file.is_file():
        pytest.skip("signature-vectors.json is not at hand: set NEXA_PARTNER_SPECS")
    vector = json.loads(file.read_text())["vectors"][name]
    headers = vector.get("headers") or vector["header"]
    signed = next(
        value for key, value in headers.items() if key.lower() in ("x-signature", "x-twilio-signature", "x-uber-signature", "authorization")
    )
    assert signed in (ROOT / test).read_text()
