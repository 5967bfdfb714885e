"""What a message says, by trigger, language and channel. Short, because a text costs by its length, and without names: phones get lost.

A text on a phone is one sentence with the link. An e-mail says the same under a title, and that the link is for one person alone. A chat
message is a template that the airline had approved under the trigger's name (`subcase_offer_ready`), with the same words in each
language and `{{1}}`, `{{2}}`, … in the place of what `_CHAT` says, in its order.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from string import Formatter
from typing import Final

ENGLISH: Final = "en"

_TEXTS: Final[Mapping[str, Mapping[str, str]]] = {
    "subcase.offer-ready": {
        "en": "{airline}: your room at {hotel} is ready. See it and accept or decline here: {link}",
        "es": "{airline}: su habitación está lista ({hotel}). Véala y acéptela o rechácela aquí: {link}",
        "fr": "{airline} : votre chambre est prête ({hotel}). Consultez-la, puis acceptez ou refusez ici : {link}",
        "pt": "{airline}: o seu quarto está pronto ({hotel}). Veja e aceite ou recuse aqui: {link}",
    },
    "wallet.card-issued": {
        "en": "{airline}: a prepaid card of {amount} for your meals is ready. Open it here: {link}",
        "es": "{airline}: una tarjeta prepago de {amount} para sus comidas está lista. Ábrala aquí: {link}",
        "fr": "{airline} : une carte prépayée de {amount} pour vos repas est prête. Ouvrez-la ici : {link}",
        "pt": "{airline}: um cartão pré-pago de {amount} para as suas refeições está pronto. Abra aqui: {link}",
    },
    "transport.dispatched": {
        "en": "{airline}: {vehicle} takes you to {hotel}. Show the driver the number {shown}. Details: {link}",
        "es": "{airline}: {vehicle} le lleva al hotel ({hotel}). Muestre al conductor el número {shown}. Detalles: {link}",
        "fr": "{airline} : {vehicle} vous conduit à l'hôtel ({hotel}). Montrez au chauffeur le numéro {shown}. Détails : {link}",
        "pt": "{airline}: {vehicle} leva-o ao hotel ({hotel}). Mostre ao motorista o número {shown}. Detalhes: {link}",
    },
}
_TITLES: Final[Mapping[str, Mapping[str, str]]] = {
    "subcase.offer-ready": {
        "en": "{airline}: your room is ready",
        "es": "{airline}: su habitación está lista",
        "fr": "{airline} : votre chambre est prête",
        "pt": "{airline}: o seu quarto está pronto",
    },
    "wallet.card-issued": {
        "en": "{airline}: a card for your meals",
        "es": "{airline}: una tarjeta para sus comidas",
        "fr": "{airline} : une carte pour vos repas",
        "pt": "{airline}: um cartão para as suas refeições",
    },
    "transport.dispatched": {
        "en": "{airline}: your ride to the hotel",
        "es": "{airline}: su transporte al hotel",
        "fr": "{airline} : votre transport vers l'hôtel",
        "pt": "{airline}: o seu transporte para o hotel",
    },
}
_CLOSING: Final[Mapping[str, str]] = {
    "en": "The link is for you alone and works once. Please do not pass this e-mail on.",
    "es": "El enlace es solo para usted y funciona una vez. No reenvíe este correo, por favor.",
    "fr": "Le lien est pour vous seul et fonctionne une fois. Merci de ne pas transférer ce message.",
    "pt": "O link é só para si e funciona uma vez. Por favor, não reencaminhe este e-mail.",
}
_CHAT: Final[Mapping[str, tuple[str, ...]]] = {  # in the order of the approved template's places
    "subcase.offer-ready": ("airline", "hotel", "link"),
    "wallet.card-issued": ("airline", "amount", "link"),
    "transport.dispatched": ("airline", "vehicle", "shown", "link"),
}
_OTHERWISE: Final[Mapping[str, Mapping[str, str]]] = {
    "en": {"hotel": "a hotel nearby", "amount": "the airline's allowance", "vehicle": "a car", "shown": "of your booking"},
    "es": {"hotel": "un hotel cercano", "amount": "la asignación de la aerolínea", "vehicle": "un coche", "shown": "de su reserva"},
    "fr": {"hotel": "un hôtel proche", "amount": "l'allocation de la compagnie", "vehicle": "une voiture", "shown": "de votre réservation"},
    "pt": {"hotel": "um hotel próximo", "amount": "o valor da companhia aérea", "vehicle": "um carro", "shown": "da sua reserva"},
}

# What is spoken where a passenger is stranded, for those whose own language we do not write; airports that are not named speak English.
_SPOKEN_AT: Final[Mapping[str, str]] = {
    airport: language
    for language, airports in {
        "es": "SJU BQN PSE PUJ SDQ STI POP MEX CUN GDL MTY SJD PVR BOG MDE CLO CTG LIM UIO GYE SCL EZE PTY SJO LIR GUA SAL SAP HAV MAD BCN",
        "fr": "CDG ORY NCE LYS GVA BRU YUL YQB PTP FDF PAP CAY RUN",
        "pt": "LIS OPO FAO PDL GRU GIG BSB CNF REC SSA FOR VCP MAO",
    }.items()
    for airport in airports.split()
}


@dataclass(frozen=True, slots=True)
class LetterWords:
    title: str
    body: str


@dataclass(frozen=True, slots=True)
class NoteWords:
    template: str
    parameters: tuple[str, ...]


class _Facts(dict[str, str]):
    """What a fact is called when nobody said it."""

    def __init__(self, language: str, facts: Mapping[str, str]) -> None:
        super().__init__({name: value for name, value in facts.items() if value})
        self._language = language

    def __missing__(self, name: str) -> str:
        return _OTHERWISE[self._language].get(name, "")


def has_template(trigger: str) -> bool:
    """Whether anything can be said about this trigger."""
    return trigger in _TEXTS


def written(language: str) -> str | None:
    """The language of ours for a BCP 47 tag; None when we do not write it."""
    primary = language.replace("_", "-").partition("-")[0].lower()
    return primary if primary in _CLOSING else None


def language_of(passenger: str, airport: str) -> str:
    """The passenger's language, else the airport's, else English."""
    return written(passenger) or _SPOKEN_AT.get(airport, ENGLISH)


def text_for(trigger: str, language: str, airline: str, facts: Mapping[str, str], link: str) -> str:
    """A short text. Raises: KeyError for a trigger without a template, or a language that is not ours."""
    return _TEXTS[trigger][language].format_map(_known(language, airline, facts, link))


def letter_for(trigger: str, language: str, airline: str, facts: Mapping[str, str], link: str) -> LetterWords:
    """An e-mail. Raises: KeyError."""
    title = _TITLES[trigger][language].format_map(_known(language, airline, facts, link))
    return LetterWords(title, f"{text_for(trigger, language, airline, facts, link)}\n\n{_CLOSING[language]}\n")


def note_for(trigger: str, language: str, airline: str, facts: Mapping[str, str], link: str) -> NoteWords:
    """A chat message, as the name of its approved template and what stands in its places. Raises: KeyError."""
    known = _known(language, airline, facts, link)
    return NoteWords(re.sub(r"[^a-z0-9]", "_", trigger), tuple(known[name] for name in _CHAT[trigger]))


def trigger_of(body: str) -> str | None:
    """What a text or an e-mail is about, in whatever language; None when it is none of ours."""
    return next((trigger for trigger, spoken in _TEXTS.items() if any(_pattern(text).match(body) for text in spoken.values())), None)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile("".join(re.escape(literal) + (".+" if name else "") for literal, name, _, _ in Formatter().parse(text)))


def _known(language: str, airline: str, facts: Mapping[str, str], link: str) -> _Facts:
    return _Facts(language, {**facts, "airline": airline, "link": link})
