"""What notifications does: at most one text per sub-case, trigger, channel and subject, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from domains.notifications import store
from domains.notifications.commands import NotifyLead
from domains.notifications.events import LeadNotified, LeadNotReached, MessageDelivered
from domains.notifications.model import MISSED, UNRESOLVED, Channel, Message, MessageState
from domains.notifications.ports import Delivery, DeliveryStatus, SentText, digest
from domains.notifications.templates import has_template
from kernel.saga import attempt_of
from kernel.urn import Urn
from kernel.work import Work


class Asks(Protocol):
    """How notifications writes its intents to channels; each commits with the caller's transaction."""

    async def send(self, work: Work, message: Message, facts: dict[str, str]) -> None:
        """Shall be sent."""
        ...


async def notify_lead(work: Work, command: NotifyLead, reply_to: str, asks: Asks) -> None:
    """Begins to tell; answers LeadNotified or LeadNotReached, at once or when the channel has answered. May be repeated.

    A later attempt sends anew what is certain not to have been sent.
    """
    fresh = Message(
        Urn.mint("message"), command.sub_case, command.trigger, Channel.SMS, command.subject, MessageState.QUEUED, reply_to=reply_to
    )  # fmt: skip
    if await store.begin_message(work, fresh):
        if has_template(command.trigger):
            await asks.send(work, fresh, command.facts)
        else:
            await message_not_sent(work, fresh.urn, f"there is no template for {command.trigger}", {})
        return
    message = await store.lock_same_message(work, fresh)
    assert message is not None
    if message.state is MessageState.NOT_SENT and attempt_of(reply_to) > attempt_of(message.reply_to) and has_template(command.trigger):
        anew = message.becomes(MessageState.QUEUED, reply_to=reply_to, reason=None, evidence={})
        await store.save_message(work, anew)
        await asks.send(work, anew, command.facts)
        return
    message = replace(message, reply_to=reply_to)
    await store.save_message(work, message)
    if message.state is not MessageState.QUEUED:
        await _tell(work, message)


async def message_leaves(work: Work, urn: Urn, reference: str, body: str) -> None:
    """Remembers the digest of what is about to leave under this reference; to be committed before it does."""
    await store.add_sending(work, urn, reference, digest(body))


async def message_sent(work: Work, urn: Urn, sent: SentText, vendor: str) -> None:
    """The partner has taken it. A report that came before this answer counts from now on."""
    message = await store.lock_message(work, urn)
    if message is None or message.state not in UNRESOLVED:
        return
    taken = Delivery(sent.message, sent.status)
    _, reported, _ = await store.lock_delivery(work, vendor, taken)
    known = reported if reported.changes(taken.status) else taken
    await store.save_delivery(work, vendor, known, urn)
    message = message.becomes(MessageState.SENT, vendor=vendor, vendor_message=sent.message, delivery=known.status)
    await store.save_message(work, message)
    after = {"trigger": message.trigger, "channel": message.channel, "vendor": vendor, "vendor_message": sent.message}
    await work.audit(action="notifications.message-sent", entity=urn, root=message.sub_case, after=after)
    await _tell(work, message)
    if known.status is not taken.status:
        await _tell_delivery(work, message, known)


async def message_not_sent(work: Work, urn: Urn, why: str, evidence: dict[str, str], *, unknown: bool = False) -> None:
    """The passenger was not told; or, when `unknown`, nobody can tell."""
    message = await store.lock_message(work, urn)
    if message is None or message.state not in UNRESOLVED or (unknown and message.state is not MessageState.QUEUED):
        return
    message = message.becomes(MessageState.UNKNOWN if unknown else MessageState.NOT_SENT, reason=why, evidence=evidence)
    await store.save_message(work, message)
    after = {"trigger": message.trigger, "state": message.state, "evidence": evidence}
    await work.audit(action="notifications.message-not-sent", entity=urn, root=message.sub_case, reason=why, after=after)
    await _tell(work, message)


async def record_delivery(work: Work, vendor: str, report: Delivery) -> bool:
    """Takes a partner's report; False when it says nothing new. Reports come late, twice, out of order, and before the send's own answer.

    A text that did not arrive is told as LeadNotReached without a question: nobody waits any more, a person looks.
    """
    urn, known, first = await store.lock_delivery(work, vendor, report)
    if not first and not report.changes(known.status):
        return False
    await store.save_delivery(work, vendor, report, urn)
    message = None if urn is None else await store.lock_message(work, urn)
    if message is not None:
        message = replace(message, delivery=report.status)
        await store.save_message(work, message)
        await _tell_delivery(work, message, report)
    return True


async def _tell(work: Work, message: Message) -> None:
    answer: object
    if message.state is MessageState.SENT:
        answer = LeadNotified(message.sub_case, message.trigger, message.channel.value, message.urn)
    else:
        unknown = message.state is MessageState.UNKNOWN
        answer = LeadNotReached(message.sub_case, message.trigger, message.reason or "", unknown, message.evidence)
    await work.record(answer, aggregate=message.sub_case, reply_to=message.reply_to)


async def _tell_delivery(work: Work, message: Message, report: Delivery) -> None:
    await work.record(MessageDelivered(message.sub_case, message.urn, report.status.value), aggregate=message.sub_case)
    if report.status in MISSED:
        evidence = {"vendor": message.vendor or "", "message": report.message, "error": report.error or "", "status": report.status.value}
        why = "the text did not arrive" if report.status is DeliveryStatus.UNDELIVERED else "the text could not be sent on"
        await work.record(LeadNotReached(message.sub_case, message.trigger, why, False, evidence), aggregate=message.sub_case)
