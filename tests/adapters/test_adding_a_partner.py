"""A partner is one folder and one entry: the one made up in `docs/adapters.md` is added as the page says, and nothing else is touched."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest

import adapters
from adapters import registry
from adapters.registry import ENTRIES, Entry, Registry, SandboxSecrets, connect
from domains.predictor.model import FlightState, FlightStatus
from kernel.answer import NotSent, Ok, Unknown
from kernel.http import ASGIApp, Http, Request
from kernel.sandbox.faults import Fault, FaultKind
from kernel.urn import Urn
from runtime.sandbox import Sandbox
from tests.harness import contracts
from tests.harness.contracts import Document, Line, against_answer, against_request
from tests.harness.partners import T1, Witness

PAGE: Final = Path(__file__).parents[2] / "docs" / "adapters.md"
FLIGHT: Final = Urn.of("flight", "SW12@20260208")
DOCUMENT: Final[Any] = {
    "paths": {
        "/v2/flight": {
            "get": {
                "parameters": [{"name": "id", "in": "query", "required": True, "schema": {"type": "string"}}],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {
                                    "type": "object",
                                    "required": ["state", "from"],
                                    "additionalProperties": False,
                                    "properties": {
                                        "state": {"enum": ["on-time", "flying", "off"]},
                                        "from": {"type": "string"},
                                        "to": {"type": "string"},
                                        "late": {"type": "integer"},
                                    },
                                }
                            }
                        }
                    }
                },
            }
        }
    }
}


def on_the_page() -> tuple[dict[str, str], str]:
    """The files of the folder, and the entry."""
    text = PAGE.read_text()
    files = dict(re.findall(r"^`(adapters/skywatch/\w+\.py)`\n\n```python\n(.*?)```", text, re.MULTILINE | re.DOTALL))
    [entry] = re.findall(r"^```python\n(Entry\(.*?)```", text, re.MULTILINE | re.DOTALL)
    return files, entry


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Entry]:
    files, told = on_the_page()
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(adapters, "__path__", [*adapters.__path__, str(tmp_path / "adapters")])
    folder = importlib.import_module("adapters.skywatch")
    client, sandbox = (importlib.import_module(f"adapters.skywatch.{name}") for name in ("client", "sandbox"))
    imports = {"skywatch": folder, "Skywatch": client.Skywatch, "skywatch_twin": sandbox.twin, "skywatch_account": sandbox.credentials}
    made = eval(told, {**vars(registry), **imports})
    assert isinstance(made, Entry)
    yield made
    for name in [name for name in sys.modules if name.startswith("adapters.skywatch")]:
        del sys.modules[name]
    vars(adapters).pop("skywatch", None)


def added(entry: Entry) -> tuple[Sandbox, Registry, Witness]:
    entries = (*ENTRIES, entry)
    sandbox = Sandbox(None, 100_000, entries=entries)
    witness = Witness(sandbox.by_vendor()["skywatch"])
    twins: dict[str, ASGIApp] = {**sandbox.by_vendor(), "skywatch": witness}
    return sandbox, connect(SandboxSecrets(entries), twins=twins, entries=entries), witness


async def put(sandbox: Sandbox, told: Any) -> None:
    """Through the sandbox's own door, as anybody would."""
    path, body = f"/_sandbox/skywatch/flights/{FLIGHT.id}", json.dumps(told).encode()
    assert (await Http("http://sandbox", app=sandbox).send(Request("PUT", path, {}, body=body), 5)).status == 204


async def test_the_new_source_is_asked_beside_the_others(entry: Entry) -> None:
    sandbox, made, _ = added(entry)
    await put(sandbox, {"state": "off", "from": "JFK", "to": "BOS", "late": 30})
    assert list(made.flights) == ["aeroapi", "aviationstack", "skywatch"]
    late = timedelta(minutes=30)
    assert await made.flights["skywatch"].flight(FLIGHT) == Ok(
        FlightStatus(FLIGHT, FlightState.CANCELLED, "JFK", "BOS", departure_delay=late)
    )
    assert await made.flights["skywatch"].flight(Urn.of("flight", "SW13@20260208")) == Ok(None)
    await made.close()


async def test_its_twin_is_a_part_of_the_sandbox(entry: Entry) -> None:
    sandbox, made, _ = added(entry)
    door = Http("http://sandbox", app=sandbox)
    book = await door.send(Request("GET", "/_sandbox/skywatch/book"), 5)
    assert (book.status, book.json()) == (200, {})
    assert (await door.send(Request("GET", "/skywatch/v2/flight", {}, (("id", "x"),)), 5)).status == 401
    assert (await door.send(Request("GET", "/_sandbox/limits"), 5)).json()["skywatch"]
    await made.close()


async def test_what_it_says_wrongly_is_never_believed(entry: Entry) -> None:
    sandbox, made, _ = added(entry)
    await put(sandbox, {"state": "on-time", "from": "JFK"})
    for kind, answer in ((FaultKind.GARBAGE, Unknown), (FaultKind.ERROR, Unknown), (FaultKind.THROTTLE, NotSent)):
        sandbox.twins["skywatch"].faults.order([Fault(kind, "flight", count=1)])
        assert isinstance(await made.flights["skywatch"].flight(FLIGHT), answer)
    assert isinstance(await made.flights["skywatch"].flight(FLIGHT), Ok)
    await made.close()


async def test_it_can_be_found_out_whether_it_is_back(entry: Entry) -> None:
    _, made, witness = added(entry)
    await made.probes["skywatch"].probe(T1)
    assert [(each.method, each.status) for each in witness.exchanges] == [("GET", 404)]
    await made.close()


async def test_its_contract_is_held_like_every_other(entry: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "skywatch.json").write_text(json.dumps(DOCUMENT))
    monkeypatch.setattr(contracts, "SPECS", tmp_path)
    sandbox, made, witness = added(entry)
    await put(sandbox, {"state": "flying", "from": "JFK", "late": 5})
    await made.flights["skywatch"].flight(FLIGHT)
    [said] = witness.exchanges
    line = Line("flight", Document("skywatch.json"), "GET", "/v2/flight")
    assert line.is_about(said)
    assert against_request(line, said) == against_answer(line, said) == []
    await made.close()


def test_no_other_file_knows_the_partners_by_name() -> None:
    """What a partner's own folder and the registry say is said nowhere else of the product."""
    files, _ = on_the_page()
    assert sorted(files) == [f"adapters/skywatch/{name}.py" for name in ("__init__", "client", "sandbox", "translate")]
    imported = re.compile(r"^from adapters\.(?!registry)\w+", re.MULTILINE)
    root = PAGE.parents[1]
    folders = [root / folder for folder in ("gateway", "jobs", "resolvers", "schema")]
    places = [*(root / "runtime").glob("*.py"), *(file for folder in folders for file in folder.rglob("*.py"))]
    assert [str(file.relative_to(root)) for file in places if imported.search(file.read_text())] == []
