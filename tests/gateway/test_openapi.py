"""The description of `/partner/v1`: valid by itself, and true of the door; that every answer fits it, `Desk.client` checks everywhere."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway.documents import Documents
from gateway.rest.call import BoundCall
from gateway.rest.openapi import UnevenError, openapi
from gateway.rest.reading import Unfit, read
from gateway.rest.table import CALLS, SCOPES
from kernel.database import Databases
from kernel.tenancy import Tenant
from tests.gateway.partners import DESCRIBED, ENGINE, Desk, a_notice, fits

_FOLDER = Path(__file__).resolve().parents[2] / "schema" / "documents" / "partner"
OPERATIONS = [
    (path, method, operation) for path, methods in DESCRIBED["paths"].items() for method, operation in methods.items()
]  # fmt: skip


@pytest.fixture
async def client(databases: Databases) -> AsyncIterator[httpx.AsyncClient]:
    async with Desk(Tenant("t1"), databases).client() as made:
        yield made


def test_it_is_openapi() -> None:
    OpenAPIV31SpecValidator(DESCRIBED).validate()


def test_every_call_is_described_with_its_scope() -> None:
    found = {(method, path): operation["security"] for path, method, operation in OPERATIONS}
    assert found == {(call.method.lower(), f"/partner/v1{call.path}"): [{"clientCredentials": [call.scope]}] for call in CALLS}
    assert set(DESCRIBED["components"]["securitySchemes"]["clientCredentials"]["flows"]["clientCredentials"]["scopes"]) == set(SCOPES)


def test_what_is_pushed_is_described_by_the_graphs_own_input() -> None:
    body = DESCRIBED["paths"]["/partner/v1/disruptions"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert body == {"$ref": "#/components/schemas/PushDisruptionInput"}
    pushed = DESCRIBED["components"]["schemas"]["PushDisruptionInput"]
    assert set(pushed["required"]) == set(pushed["properties"]) == set(a_notice())
    assert pushed["additionalProperties"] is False
    assert pushed["description"].startswith("`externalEventId` makes a repetition harmless; `scheduledDeparture` is")
    assert DESCRIBED["components"]["schemas"]["DateTime"]["description"] == "An ISO 8601 instant with its offset."


def test_a_case_is_described_by_what_the_documents_select() -> None:
    case = DESCRIBED["components"]["schemas"]["Case"]
    assert set(case["properties"]) == set(case["required"])
    assert case["properties"]["scheduledDeparture"] == {
        "$ref": "#/components/schemas/DateTime",
        "description": "The scheduled departure, with the airport's own offset.",
    }
    assert DESCRIBED["components"]["schemas"]["CaseStatus"]["enum"] == ["CLOSED", "IN_PROGRESS", "OPEN"]


def test_the_words_of_the_graph_that_rest_has_replaced_appear_nowhere() -> None:
    def names(value: object) -> set[str]:
        if isinstance(value, dict):
            return set(value).union(*map(names, value.values()))
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    assert not names(DESCRIBED) & {"departs", "externalEvent"}
    assert DESCRIBED["paths"]["/partner/v1/disruptions"]["post"]["description"].endswith("the same case and `X-Nexa-Replayed`.")


def _examples() -> list[tuple[str, object]]:
    schemas = DESCRIBED["components"]["schemas"]
    found = [(f"#/components/schemas/{name}", example) for name, schema in schemas.items() for example in schema.get("examples", ())]
    for _, _, operation in OPERATIONS:
        for status, response in operation["responses"].items():
            for content in response["content"].values():
                for example in content.get("examples", {}).values():
                    assert str(example["value"]["status"]) == status
                    found.append((content["schema"]["$ref"], example["value"]))
    return found


def test_examples_fit_their_schemas() -> None:
    examples = _examples()
    assert len(examples) > 20
    for reference, example in examples:
        fits(example, {"$ref": reference})


async def test_the_example_of_a_push_is_taken(client: httpx.AsyncClient) -> None:
    pushed = await client.post("/partner/v1/disruptions", json=DESCRIBED["components"]["schemas"]["PushDisruptionInput"]["examples"][0])
    assert pushed.status_code == 202


@pytest.mark.parametrize(
    "change",
    [{"airport": None}, {"airport": 3}, {"airport": ""}, {"cause": "x" * 501}, {"cause": "a\u0007b"}, {"flight": "B6900"}, {"x": 1}],
)
def test_the_description_refuses_what_the_door_refuses(change: dict[str, Any]) -> None:
    body = {name: value for name, value in a_notice(**change).items() if value is not None}
    push = BoundCall(CALLS[0], ENGINE, Documents.load(_FOLDER))
    with pytest.raises(Unfit):
        read(push.variables, {}, {}, body)
    schema = {"$ref": "#/components/schemas/PushDisruptionInput", "components": DESCRIBED["components"]}
    assert not Draft202012Validator(schema).is_valid(body)


def test_documents_that_show_a_type_in_two_ways_do_not_start(tmp_path: Path) -> None:
    for file in _FOLDER.iterdir():
        (tmp_path / file.name).write_text(file.read_text())
    (tmp_path / "case.graphql").write_text("query Case($urn: Urn!) { case(urn: $urn) { urn } }")
    documents = Documents.load(tmp_path)
    with pytest.raises(UnevenError):
        openapi([BoundCall(call, ENGINE, documents) for call in CALLS])


def test_a_path_that_its_document_does_not_know_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "case.graphql").write_text("query Case($other: Urn!) { case(urn: $other) { urn } }")
    with pytest.raises(LookupError):
        BoundCall(CALLS[2], ENGINE, Documents.load(tmp_path))


async def test_it_is_given_to_everybody_and_kept_by_its_tag(client: httpx.AsyncClient) -> None:
    client.headers.pop("authorization")
    first = await client.get("/openapi/partner/v1.json")
    assert (first.status_code, first.headers["content-type"]) == (200, "application/json")
    assert first.json() == DESCRIBED
    again = await client.get("/openapi/partner/v1.json", headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert (await client.post("/openapi/partner/v1.json")).headers["allow"] == "GET, HEAD"
