"""The contracts every airline has in a sandbox: one carrier with minibuses around New York. Its desk is a number of the text twin's."""

from __future__ import annotations

import json

DESK = "+15005550050"


def credentials(tenant: str) -> dict[str, str]:
    """The sandbox's account of a tenant."""
    carrier = {
        "name": "Hudson Shuttle",
        "desk": DESK,
        "airports": ["JFK", "LGA", "EWR"],
        "radiusKm": 25,
        "seats": 12,
        "base": "18.00",
        "perKm": "1.60",
        "currency": "USD",
        "waitMinutes": 25,
    }
    return {"carriers": json.dumps([carrier])}
