"""The committed schemas are the ones the code makes, and every trusted document fits the contract it is for."""

from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from schema import printing
from schema.graph import GRAPH

DOCUMENTS = printing.HOME.parent / "documents"


@pytest.mark.parametrize("name", printing.names())
def test_the_committed_schema_is_the_one_the_code_makes(name: str) -> None:
    home = printing.file_of(name)
    committed = home.read_text() if home.exists() else ""
    assert committed == printing.text_of(name), f"{home.name} is not what the code makes; run ./nexa schema update and commit it"


def test_no_schema_is_left_over() -> None:
    assert sorted(printing.HOME.rglob("*.graphql")) == sorted(map(printing.file_of, printing.names()))


def documents() -> list[Path]:
    return sorted(DOCUMENTS.rglob("*.graphql"))


@pytest.mark.parametrize("home", documents(), ids=lambda home: f"{home.parent.name}-{home.stem}")
def test_a_trusted_document_fits_its_contract(home: Path) -> None:
    contract = build_schema(printing.file_of(home.parent.name).read_text())
    assert validate(contract, parse(home.read_text())) == []


def test_every_part_of_the_graph_says_whom_it_is_for() -> None:
    silent = [
        f"{name}.{one.python_name}"
        for name in GRAPH.classes
        for one in GRAPH.fields(name)
        if not one.directives or any(not argument.directives for argument in one.arguments)
    ]
    assert silent == []


def test_each_audience_sees_its_own_roots_only() -> None:
    def root(audience: str, name: str) -> set[str]:
        kind = build_schema(printing.text_of(audience)).get_type(name)
        return set(getattr(kind, "fields", {}))

    assert root("passenger", "Query") == {"myTrip"}
    assert root("passenger", "Mutation") == {"acceptOffer", "declineOffer"}
    assert root("passenger", "Subscription") == set()
    assert root("partner", "Query") == {"case", "cases"}
    assert root("partner", "Mutation") == {"pushDisruption"}
    assert root("operator", "Mutation") == {
        "acquireLock", "cancelWorkflow", "changeNextFlight", "claimReview", "commitWave", "createContract", "decideDemand",
        "declareDisruption", "discardWave", "editContractNights", "groupSubCases", "issueVoucher", "redriveOutage", "redriveWorkflow",
        "reinstateFlight", "releaseLock", "requestDemand", "resolveReview", "resumeLine", "skipStep", "stopLine", "ungroupSubCases",
    }  # fmt: skip
