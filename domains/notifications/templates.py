"""What a text says, by trigger; English. Short, because every 153 characters cost one text more, and without names: phones get lost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_TEXTS: Final[Mapping[str, str]] = {
    "subcase.offer-ready": "{airline}: your room at {hotel} is ready. See it and accept or decline here: {link}",
    "wallet.card-issued": "{airline}: a prepaid card of {amount} for your meals is ready. Open it here: {link}",
}
_OTHERWISE: Final[Mapping[str, str]] = {"hotel": "a hotel nearby", "amount": "the airline's allowance"}


class _Facts(dict[str, str]):
    """What a fact is called when nobody said it."""

    def __missing__(self, name: str) -> str:
        return _OTHERWISE.get(name, "")


def has_template(trigger: str) -> bool:
    """Whether anything can be said about this trigger."""
    return trigger in _TEXTS


def text_for(trigger: str, airline: str, facts: Mapping[str, str], link: str) -> str:
    """The text. Raises: KeyError for a trigger without a template."""
    known = {name: value for name, value in facts.items() if value}
    return _TEXTS[trigger].format_map(_Facts(known, airline=airline, link=link))
