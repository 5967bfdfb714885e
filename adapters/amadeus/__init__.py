"""Amadeus Self-Service: hotel rooms from the chains' own systems.

Signed in by OAuth2 client credentials for half an hour. A search is three questions: which hotels are near (their list answers no stars
but can be asked by them, so it is asked once for each and remembered for a day), what they offer (20 hotels a call), and before anything
is ordered what one offer costs now, because an offer lives for a time that nobody publishes. Children cannot be asked for.

An order is class D: there is no key, no reference of ours that could be searched, nothing that reads an order back and nothing that
cancels one; hotels take cancellations by telephone. So an unclear order is never sent again, and its undo is a person's, with the
references the order came with. Our own reference goes to the hotel as a special request, where a person on the telephone can ask for it.

Every order carries the airline's own credit card as guarantee. Its data is a secret of the tenant, read at the moment of sending and
kept nowhere; whoever books here is in PCI scope.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "amadeus"

_READ: Final = PartnerOperation(Class.READ, timedelta(seconds=10))  # none is published

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="hotel rooms",
    documentation="https://developers.amadeus.com/self-service/category/hotels",
    operations={
        "token": _READ,
        "list": _READ,
        "offers": _READ,
        "price": _READ,
        "order": PartnerOperation(  # their own time-out of the hotel's system comes as an error before this one
            Class.D, timedelta(seconds=60), stays="no call cancels an order: a person telephones the hotel, with the order's references"
        ),
    },
    limit=40,
    published="production 40 a second per user; test 10 a second and one in 100 ms, and a monthly quota",
)
