"""Amadeus' own library, unmodified, against our twin of its flight orders: what became of each operation, as one JSON object."""

from __future__ import annotations

import json
import sys
from urllib.request import urlopen

from amadeus import Client, NotFoundError

ORDER = "MlpZVkFMfFdBVFNPTnwyMDE1LTExLTAy"


def main(port: int, account: dict[str, str]) -> dict[str, str]:
    client = Client(
        client_id=account["client_id"], client_secret=account["client_secret"], host="127.0.0.1", port=port, ssl=False,
        http=lambda request: urlopen(request, timeout=5),  # it has no time-out of its own
        log_level="silent",
    )  # fmt: skip
    order = client.booking.flight_order(ORDER).get().data
    assert order["id"] == ORDER
    assert [traveler["name"]["firstName"] for traveler in order["travelers"]] == ["ANA", "BABY", "KID"]
    try:
        client.booking.flight_order("bm9ib2R5").get()
    except NotFoundError:
        return dict.fromkeys(("token", "order"), "ok")
    return {"token": "ok", "order": "an order that is not there was found"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(int(sys.argv[1]), json.loads(sys.argv[2]))))
