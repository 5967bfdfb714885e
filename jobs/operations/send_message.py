"""Sending one message to the lead passenger, over one channel. Address, words and link are made at the moment of sending and rest nowhere.

A text is found again at its partner by its number and by what does rest: a digest of the words, committed before they leave. E-mail and
chat cannot be asked for: what an unclear send came to is only known from a report that carries the message's own name, and meanwhile the
next channel has been tried.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from domains.notifications import actions, queries
from domains.notifications.events import MessageReviewed
from domains.notifications.model import Channel, Message
from domains.notifications.ports import Letter, Note, SentText, Text
from domains.notifications.templates import language_of, letter_for, note_for, text_for
from jobs.party import airport_of, party_of
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.operation import Class, Finding, Line, Operation, OperationRow, intend
from kernel.urn import Urn
from kernel.work import Work

_CLOCKS_APART: Final = timedelta(minutes=2)  # the partner's clock is not ours
_PATIENCE: Final = timedelta(minutes=10)  # with a channel that cannot be reached, while another one might
_LAST_PATIENCE: Final = timedelta(hours=1)  # there is none behind it


@dataclass(frozen=True, slots=True)
class _Said:
    """What a template needs, read and made at the moment of sending."""

    trigger: str
    language: str
    airline: str
    facts: dict[str, str]
    link: str


async def _said(ports: Ports, row: OperationRow, spoken: str) -> _Said:
    language = language_of(spoken, await airport_of(ports, row.tenant, row.subject))
    link = ports.links.magic_link(row.tenant, row.subject)
    return _Said(row.intent["trigger"], language, row.tenant.upper(), row.intent["facts"], link)


# --- texts --------------------------------------------------------------------------------------------------------------------------


async def _send_text(ports: Ports, row: OperationRow) -> Answer[SentText]:
    party = await party_of(ports, row.tenant, row.subject)
    if party is None or not party.phone:
        return Declined("NO_PHONE", "the party left no phone number")
    said = await _said(ports, row, party.language)
    body = text_for(said.trigger, said.language, said.airline, said.facts, said.link)
    async with ports.databases["notifications"].work(row.tenant, correlation=row.correlation) as work:
        await actions.message_leaves(work, Urn(row.intent["message"]), row.client_reference, body)
    return await ports.messages.send(row.tenant, Text(party.phone, body, ports.callback(row.tenant, ports.messages.vendor)))


async def _find_text(ports: Ports, row: OperationRow) -> Answer[SentText | None]:
    async with ports.databases["notifications"].read(row.tenant) as connection:
        known = await queries.digest_of(connection, row.tenant, Urn(row.intent["message"]), row.client_reference)
    party = await party_of(ports, row.tenant, row.subject)
    if known is None or party is None or not party.phone:  # the digest is committed first: without it nothing left
        return Ok(None)
    return await ports.messages.find(row.tenant, party.phone, known, row.intended_at - _CLOCKS_APART)


# --- chat and e-mail ----------------------------------------------------------------------------------------------------------------


async def _send_note(ports: Ports, row: OperationRow) -> Answer[SentText]:
    party = await party_of(ports, row.tenant, row.subject)
    if party is None or not party.phone:
        return Declined("NO_PHONE", "the party left no phone number")
    said = await _said(ports, row, party.language)
    words = note_for(said.trigger, said.language, said.airline, said.facts, said.link)
    note = Note(party.phone, words.template, said.language, words.parameters, Urn(row.intent["message"]))
    return await ports.chat.send(row.tenant, note)


async def _send_letter(ports: Ports, row: OperationRow) -> Answer[SentText]:
    party = await party_of(ports, row.tenant, row.subject)
    if party is None or not party.email:
        return Declined("NO_EMAIL", "the party left no e-mail address")
    said = await _said(ports, row, party.language)
    words = letter_for(said.trigger, said.language, said.airline, said.facts, said.link)
    return await ports.mail.send(row.tenant, Letter(party.email, words.title, words.body, Urn(row.intent["message"])))


async def _reported(ports: Ports, row: OperationRow) -> Answer[SentText | None]:
    """Not the partner is asked, since it cannot be, but what it has reported to us."""
    async with ports.databases["notifications"].read(row.tenant) as connection:
        return Ok(await queries.reported(connection, row.tenant, Urn(row.intent["message"])))


# --- what follows -------------------------------------------------------------------------------------------------------------------


def _outcome(vendor_of: Callable[[Ports], str]) -> Callable[[Work, OperationRow, Answer[SentText], Ports], Any]:
    async def outcome(work: Work, row: OperationRow, answer: Answer[SentText], ports: Ports) -> None:
        urn, vendor = Urn(row.intent["message"]), vendor_of(ports)
        if isinstance(answer, Ok):
            await actions.message_sent(work, urn, answer.value, vendor)
        elif isinstance(answer, Declined):
            await actions.message_not_sent(work, urn, answer.reason, {"code": answer.code}, asks_of(ports))
        elif isinstance(answer, NotSent):
            evidence = {**row.evidence, "away": vendor}
            await actions.message_not_sent(work, urn, f"it could not be sent: {answer.why}", evidence, asks_of(ports))
        else:
            why = f"nobody can tell whether it was sent: {answer.why}"
            await actions.message_not_sent(work, urn, why, row.evidence, asks_of(ports), unknown=True)

    return outcome


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    await work.record(MessageReviewed(row.subject, row.urn, finding, why, row.evidence), aggregate=row.subject)


async def _settled(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    """Opens nothing: the next channel is tried, and where none reaches the lead, whoever asked is told of it with this call as evidence."""
    await work.record(MessageReviewed(row.subject, row.urn, finding, why, row.evidence, opens=False), aggregate=row.subject)


SEND_MESSAGE: Operation[Ports, SentText] = Operation(
    name="send_message",
    domain="notifications",
    kind=Class.C,  # the partner takes no key of ours, but lists what it has sent
    send=_send_text,
    look_up=_find_text,
    outcome=_outcome(lambda ports: ports.messages.vendor),
    reviewed=_reviewed,
    settle=timedelta(seconds=60),
    time_out=timedelta(seconds=30),
    patience=_PATIENCE,
    line=Line.MESSAGES,
)

SEND_NOTE: Operation[Ports, SentText] = Operation(
    name="send_note",
    domain="notifications",
    kind=Class.D,  # neither takes a key nor lists anything
    send=_send_note,
    look_up=_reported,
    outcome=_outcome(lambda ports: ports.chat.vendor),
    reviewed=_settled,
    time_out=timedelta(seconds=30),
    patience=_PATIENCE,
    line=Line.MESSAGES,
)

SEND_LETTER: Operation[Ports, SentText] = Operation(
    name="send_letter",
    domain="notifications",
    kind=Class.D,  # neither takes a key nor lists anything
    send=_send_letter,
    look_up=_reported,
    outcome=_outcome(lambda ports: ports.mail.vendor),
    reviewed=_settled,
    time_out=timedelta(seconds=30),
    patience=_LAST_PATIENCE,
    line=Line.MESSAGES,
)

_OVER: Final = {Channel.SMS: SEND_MESSAGE, Channel.WHATSAPP: SEND_NOTE, Channel.EMAIL: SEND_LETTER}


class _Asks:
    """Notifications' intents, as operations."""

    def __init__(self, vendors: Mapping[Channel, str]) -> None:
        self._vendors = vendors

    async def send(self, work: Work, message: Message) -> None:
        intent: dict[str, Any] = {"message": message.urn, "trigger": message.trigger, "facts": message.facts}
        key = f"message|{message.urn}" + (f"|{message.attempt}" if message.attempt > 1 else "")
        operation = _OVER[message.channel]
        await intend(
            work, operation, subject=message.sub_case, key=key, intent=intent, reply_to=message.reply_to,
            partner=self._vendors[message.channel], airport=message.airport,
        )  # fmt: skip


def asks_of(ports: Ports) -> actions.Asks:
    """Notifications' intents for the partners that are plugged in."""
    return _Asks({Channel.SMS: ports.messages.vendor, Channel.WHATSAPP: ports.chat.vendor, Channel.EMAIL: ports.mail.vendor})
