"""Sending one text to the lead passenger. Number, text and link are made at the moment of sending and rest nowhere.

What rests is a digest of the text, committed before it leaves: by it, and the number, a text whose answer was lost is found again.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from domains.notifications import actions, queries
from domains.notifications.events import MessageReviewed
from domains.notifications.model import Message
from domains.notifications.ports import SentText, Text
from domains.notifications.templates import text_for
from jobs.party import party_of
from jobs.registry import Ports
from kernel.answer import Answer, Declined, NotSent, Ok
from kernel.operation import Class, Finding, Operation, OperationRow, intend
from kernel.saga import attempt_of
from kernel.urn import Urn
from kernel.work import Work

_CLOCKS_APART: Final = timedelta(minutes=2)  # the partner's clock is not ours


async def _send(ports: Ports, row: OperationRow) -> Answer[SentText]:
    to = await _phone(ports, row)
    if to is None:
        return Declined("NO_PHONE", "the party left no phone number")
    link = ports.links.magic_link(row.tenant, row.subject)
    body = text_for(row.intent["trigger"], row.tenant.upper(), row.intent["facts"], link)
    async with ports.databases["notifications"].work(row.tenant, correlation=row.correlation) as work:
        await actions.message_leaves(work, Urn(row.intent["message"]), row.client_reference, body)
    return await ports.messages.send(row.tenant, Text(to, body, ports.callback(row.tenant, ports.messages.vendor)))


async def _look_up(ports: Ports, row: OperationRow) -> Answer[SentText | None]:
    async with ports.databases["notifications"].read(row.tenant) as connection:
        known = await queries.digest_of(connection, row.tenant, Urn(row.intent["message"]), row.client_reference)
    to = await _phone(ports, row)
    if known is None or to is None:  # the digest is committed first: without it nothing left
        return Ok(None)
    return await ports.messages.find(row.tenant, to, known, row.intended_at - _CLOCKS_APART)


async def _outcome(work: Work, row: OperationRow, answer: Answer[SentText], ports: Ports) -> None:
    urn = Urn(row.intent["message"])
    if isinstance(answer, Ok):
        await actions.message_sent(work, urn, answer.value, ports.messages.vendor)
    elif isinstance(answer, Declined):
        await actions.message_not_sent(work, urn, answer.reason, {"code": answer.code})
    elif isinstance(answer, NotSent):
        await actions.message_not_sent(work, urn, f"it could not be sent: {answer.why}", {**row.evidence, "away": ports.messages.vendor})
    else:
        await actions.message_not_sent(work, urn, f"nobody can tell whether it was sent: {answer.why}", row.evidence, unknown=True)


async def _reviewed(work: Work, row: OperationRow, finding: Finding | None, why: str) -> None:
    await work.record(MessageReviewed(row.subject, row.urn, finding, why, row.evidence), aggregate=row.subject)


SEND_MESSAGE: Operation[Ports, SentText] = Operation(
    name="send_message",
    domain="notifications",
    kind=Class.C,  # the partner takes no key of ours, but lists what it has sent
    send=_send,
    look_up=_look_up,
    outcome=_outcome,
    reviewed=_reviewed,
    settle=timedelta(seconds=60),
    time_out=timedelta(seconds=30),
    patience=timedelta(hours=1),
)


class _Asks:
    """Notifications' intents, as operations."""

    async def send(self, work: Work, message: Message, facts: dict[str, str]) -> None:
        intent: dict[str, Any] = {"message": message.urn, "trigger": message.trigger, "facts": facts}
        attempt = attempt_of(message.reply_to)
        key = f"message|{message.urn}" + (f"|{attempt}" if attempt > 1 else "")
        await intend(
            work, SEND_MESSAGE, subject=message.sub_case, key=key, intent=intent, reply_to=message.reply_to
        )  # fmt: skip


ASKS: Final = _Asks()


async def _phone(ports: Ports, row: OperationRow) -> str | None:
    party = await party_of(ports, row.tenant, row.subject)
    return party.phone if party else None
