"""The toy's graph and who asks it."""

from __future__ import annotations

from kernel.identity import Operator, Partner, Passenger, Role
from kernel.tenancy import Tenant
from kernel.urn import Urn
from schema import common, node
from schema.audience import OPERATOR, PARTNER, PASSENGER
from schema.contract import contract
from schema.join import join
from schema.subgraph import subgraph
from tests.schema.toy import booking, cases, model

GRAPH = join(common, node, cases, booking)
OPERATORS, PASSENGERS, PARTNERS = contract(OPERATOR, GRAPH), contract(PASSENGER, GRAPH), contract(PARTNER, GRAPH)
CASES, BOOKING = subgraph("cases", GRAPH), subgraph("booking", GRAPH)

T1 = Tenant("t1")
SUPERVISOR = Operator(T1, Urn("urn:operator:ada"), "Ada", Role.OPS_SUPERVISOR)
CLERK = Operator(T1, Urn("urn:operator:bob"), "Bob", Role.AIRPORT_OPERATOR)
AUDITOR = Operator(T1, Urn("urn:operator:eve"), "Eve", Role.FINANCE_AUDIT)
TRAVELLER = Passenger(T1, model.SUB_CASES[0].urn, model.CASE)
DESK = Partner(T1, Urn("urn:partner:desk"), frozenset({"cases.read"}))
STRANGER = Partner(T1, Urn("urn:partner:other"))
