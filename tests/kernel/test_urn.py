"""Names: what is one, what of it keys carry, and that nobody guesses a new one."""

from __future__ import annotations

import re

import pytest

from kernel.urn import Urn, UrnError


def test_a_name_is_its_own_text_and_knows_its_parts() -> None:
    urn = Urn("urn:hotel:h-1:vendor:hotelbeds:status:open")
    assert (urn.kind, urn.id, urn.vendor, urn.status) == ("hotel", "h-1", "hotelbeds", "open")
    assert urn == "urn:hotel:h-1:vendor:hotelbeds:status:open"
    assert Urn.from_path(urn.path) == urn


@pytest.mark.parametrize(
    ("text", "bare"),
    [
        ("urn:case:c-1", "urn:case:c-1"),
        ("urn:case:c-1:status:open", "urn:case:c-1"),
        ("urn:operation:op-1:vendor:pomelo", "urn:operation:op-1"),  # where we made the name, the vendor is no part of it
        ("urn:hotel:h-1:vendor:hotelbeds", "urn:hotel:h-1:vendor:hotelbeds"),
        ("urn:hotel:h-1:vendor:hotelbeds:status:open", "urn:hotel:h-1:vendor:hotelbeds"),
    ],
)
def test_keys_carry_what_belongs_to_identity(text: str, bare: str) -> None:
    urn = Urn(text).bare
    assert urn == bare
    assert urn.bare == urn
    assert urn.status is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "is not a URN"),
        ("case:c-1", "is not a URN"),
        ("urn:case", "is not a URN"),
        ("urn:nothing:1", "is not a kind of URN that Nexa knows; known kinds: airline"),
        ("urn:case:c 1", "must be 1 to 120 letters"),
        ("urn:case:c-1\n", "must be 1 to 120 letters"),
        ("urn:case:c-1:vendor", "may follow, in this order"),
        ("urn:case:c-1:x:y", "may follow, in this order"),
        ("urn:case:c-1:status:open:vendor:a", "may follow, in this order"),
        ("urn:case:c-1:vendor:a:vendor:b", "may follow, in this order"),
        ("urn:case:c-1:vendor:a b", "a tag of"),
    ],
)
def test_what_is_no_name_is_refused_and_why(text: str, why: str) -> None:
    with pytest.raises(UrnError, match=why):
        Urn(text)


def test_a_new_name_has_eighty_bits_in_symbols_that_do_not_look_alike() -> None:
    minted = {Urn.mint("case") for _ in range(2000)}
    assert len(minted) == 2000
    assert all(re.fullmatch(r"urn:case:c-[0-9a-hjkmnp-tv-z]{16}", urn) for urn in minted)
    symbols = {symbol for urn in minted for symbol in urn.removeprefix("urn:case:c-")}
    assert len(symbols) == 32
    assert all(len({urn.removeprefix("urn:case:c-")[place] for urn in minted}) == 32 for place in range(16))
