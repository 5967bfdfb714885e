"""Whatever is said to a twin, it answers as its partner would: never with a stack trace, never twice, never to a stranger."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.aeroapi.sandbox import credentials as aeroapi_account
from adapters.anthropic.sandbox import credentials as anthropic_account
from adapters.hotelbeds.client import signature
from adapters.hotelbeds.sandbox_words import credentials as hotelbeds_account
from adapters.openai.sandbox import credentials as openai_account
from adapters.pomelo.sandbox import credentials as pomelo_account
from adapters.sendgrid.sandbox import credentials as sendgrid_account
from adapters.twilio.sandbox import credentials as twilio_account
from adapters.whatsapp.sandbox import credentials as whatsapp_account
from kernel import clock
from kernel.http import Http, Request
from kernel.sandbox.shell import Twin
from tests.harness.partners import T1, partners

WORLD = partners()
TOKENS = ("pomelo", "amadeus", "sabre", "amadeus_pss", "uber")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
# Bodies that begin right and go wrong somewhere.
NAMES = st.sampled_from(
    (
        "stay checkIn checkOut occupancies rooms adults children paxes type age geolocation latitude longitude radius rateKey holder name "
        "surname clientReference user_id affinity_group_id card_type email operation_country account_id total_amount entry_type "
        "process_type data details amount status status_reason owner_type currency parent_tx_id guests tid firstName lastName travelAgent "
        "contact roomAssociations guestReferences guestReference hotelOfferId payment method paymentCard paymentCardInfo "
        "confirmationId returnOnly guest pickup dropoff product_id fare_id first_name last_name phone_number "
        "personalizations from to subject content custom_args mail_settings value messaging_product template components parameters "
        "language code biz_opaque_callback_data model messages max_tokens tools tool_choice input_schema response_format json_schema "
        "schema properties required"
    ).split()
)
BODIES = st.dictionaries(
    NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=4) | st.lists(st.dictionaries(NAMES, JSON, max_size=4), max_size=2)
)


def head(partner: str) -> dict[str, str]:
    if partner == "hotelbeds":
        mine = hotelbeds_account(T1)
        signed = signature(mine["api_key"], mine["secret"], int(clock.now().timestamp()))
        return {"api-key": mine["api_key"], "x-signature": signed, "accept": "application/json"}
    if partner == "twilio":
        mine = twilio_account(T1)
        pair = b64encode(f"{mine['account_sid']}:{mine['auth_token']}".encode()).decode()
        return {"authorization": f"Basic {pair}", "content-type": "application/x-www-form-urlencoded"}
    if partner == "sendgrid":
        return {"authorization": f"Bearer {sendgrid_account(T1)['api_key']}"}
    if partner == "openai":
        return {"authorization": f"Bearer {openai_account(T1)['api_key']}"}
    if partner == "anthropic":
        return {"x-api-key": anthropic_account(T1)["api_key"], "anthropic-version": "2023-06-01"}
    if partner == "whatsapp":
        return {"authorization": f"Bearer {whatsapp_account(T1)['token']}"}
    if partner == "aeroapi":
        return {"x-apikey": aeroapi_account(T1)["api_key"]}
    return {"authorization": "Bearer token", "x-idempotency-key": "key"}


def signed_in(partner: str) -> Twin:
    twin = WORLD.twin(partner)
    if partner in TOKENS:
        twin.book.put("token", "token", {"tenant": str(T1), "until": clock.now().timestamp() + 1000})
    return twin


PLACES = [
    ("hotelbeds", "POST", "/hotel-api/1.0/hotels"),
    ("hotelbeds", "POST", "/hotel-api/1.0/checkrates"),
    ("hotelbeds", "POST", "/hotel-api/1.0/bookings"),
    ("hotelbeds", "GET", "/hotel-api/1.0/bookings"),
    ("hotelbeds", "GET", "/hotel-api/1.0/bookings/1-1"),
    ("hotelbeds", "DELETE", "/hotel-api/1.0/bookings/1-1"),
    ("pomelo", "POST", "/oauth/token"),
    ("pomelo", "POST", "/users/v1/"),
    ("pomelo", "POST", "/cards/v1/"),
    ("pomelo", "PATCH", "/cards/v1/crd-1"),
    ("pomelo", "POST", "/core/accounts/v1"),
    ("pomelo", "POST", "/core/transactions/v1"),
    ("amadeus", "GET", "/v1/reference-data/locations/hotels/by-geocode"),
    ("amadeus", "GET", "/v3/shopping/hotel-offers"),
    ("amadeus", "GET", "/v3/shopping/hotel-offers/X1"),
    ("amadeus", "POST", "/v2/booking/hotel-orders"),
    ("twilio", "POST", f"/2010-04-01/Accounts/{twilio_account(T1)['account_sid']}/Messages.json"),
    ("twilio", "GET", f"/2010-04-01/Accounts/{twilio_account(T1)['account_sid']}/Messages.json"),
    ("openai", "POST", "/v1/chat/completions"),
    ("openai", "GET", "/v1/models"),
    ("anthropic", "POST", "/v1/messages"),
    ("sendgrid", "POST", "/v3/mail/send"),
    ("whatsapp", "POST", f"/v23.0/{whatsapp_account(T1)['phone_number_id']}/messages"),
    ("sabre", "POST", "/v2/auth/token"),
    ("sabre", "POST", "/v1/trip/orders/getBooking"),
    ("amadeus_pss", "POST", "/v1/security/oauth2/token"),
    ("amadeus_pss", "GET", "/v1/booking/flight-orders/x"),
    ("uber", "POST", "/oauth/v2/token"),
    ("uber", "POST", "/v1/guests/trips/estimates"),
    ("uber", "POST", "/v1/guests/trips"),
    ("uber", "GET", "/v1/guests/trips"),
    ("uber", "DELETE", "/v1/guests/trips/x"),
    ("aeroapi", "GET", "/aeroapi/flights/B6123"),
    ("aeroapi", "GET", "/aeroapi/airports/KJFK/delays"),
    ("aviationstack", "GET", "/v1/flights"),
]


@pytest.mark.parametrize(("partner", "method", "path"), PLACES)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=BODIES | JSON,
    query=st.dictionaries(
        st.sampled_from(
            ["from", "to", "start", "end", "PageSize", "Page", "DateSent>", "hotelIds", "adults", "latitude", "longitude", "ratings"]
        ),
        st.text(max_size=4),
    ),
)
async def test_nonsense_is_refused_in_their_own_words(partner: str, method: str, path: str, body: Any, query: dict[str, str]) -> None:
    request = Request(method, path, head(partner), tuple(query.items()), json.dumps(body).encode())
    reply = await Http("http://twin", app=signed_in(partner)).send(request, 10)
    assert reply.status < 500 or b"PRODUCT_ERROR" in reply.body
    assert not reply.body or isinstance(reply.json(), dict)


@pytest.mark.parametrize(("partner", "method", "path"), [place for place in PLACES if not place[2].endswith("token")])
@pytest.mark.parametrize(
    "headers", [{}, {"api-key": "sandbox-t1", "x-signature": "0" * 64}, {"authorization": "Basic x"}, {"authorization": "Bearer x"}]
)
async def test_a_stranger_is_refused(partner: str, method: str, path: str, headers: dict[str, str]) -> None:
    reply = await Http("http://twin", app=WORLD.twin(partner)).send(Request(method, path, {"accept": "application/json", **headers}), 10)
    assert reply.status == 401


async def test_an_expired_token_is_refused() -> None:
    twin = signed_in("pomelo")
    twin.book.change("token", "token", until=0)
    reply = await Http("http://twin", app=twin).send(Request("GET", "/cards/v1/crd-1", head("pomelo")), 10)
    assert reply.status == 401


async def test_a_client_that_is_not_known_gets_no_token() -> None:
    wrong = {**pomelo_account(T1), "client_secret": "x", "grant_type": "client_credentials"}
    reply = await Http("http://twin", app=WORLD.twin("pomelo")).send(Request("POST", "/oauth/token", body=json.dumps(wrong).encode()), 10)
    assert reply.status == 401
