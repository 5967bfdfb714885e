"""What notifications does: tells a lead one thing over one channel after the other, and learns what became of it.

At most one message per sub-case, trigger, channel and subject, whatever is retried. What certainly was not sent, what may have been sent
and what did not arrive all go to the next channel; when none is left, whoever asked is told, or a person, when nobody asks any more.
Every action holds the whole chain, so that two channels never decide at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from domains.notifications import store
from domains.notifications.commands import NotifyLead
from domains.notifications.events import LeadNotified, LeadNotReached, MessageDelivered, MessageFound, MessageMissed, MessagesStopped
from domains.notifications.model import CHAIN, MISSED, UNRESOLVED, Chain, Channel, Message, MessageState
from domains.notifications.ports import Delivery, DeliveryStatus, SentText, digest
from domains.notifications.templates import has_template
from kernel.operation import Line, Stop
from kernel.operation.stop import resume, stop
from kernel.saga import attempt_of
from kernel.urn import Urn
from kernel.work import Work


class Asks(Protocol):
    """How notifications writes its intents to channels; each commits with the caller's transaction."""

    async def send(self, work: Work, message: Message) -> None:
        """Shall be sent over its channel."""
        ...


async def notify_lead(work: Work, command: NotifyLead, reply_to: str, asks: Asks, airport: str | None = None) -> None:
    """Begins to tell; answers LeadNotified or LeadNotReached, at once or when a channel has answered. May be repeated.

    A later attempt sends anew what is certain not to have been sent.
    """
    attempt = attempt_of(reply_to)
    chain = await store.lock_chain(work, command.sub_case, command.trigger, command.subject)
    if not chain.messages:
        fresh = _fresh(command.sub_case, command.trigger, CHAIN[0], command.subject, reply_to, attempt, command.facts, airport)
        if await store.begin_message(work, fresh):
            await _begin(work, fresh, asks)
            return
        chain = await store.lock_chain(work, command.sub_case, command.trigger, command.subject)  # somebody else has begun meanwhile
    open_one = chain.reached or chain.waiting
    if open_one is not None:
        open_one = replace(open_one, reply_to=reply_to, attempt=max(attempt, open_one.attempt))
        await store.save_message(work, open_one)
        if open_one.reached:
            await _tell_reached(work, open_one)
        return
    if attempt > chain.attempt and await _go_on(work, chain, reply_to, attempt, command.facts, asks):
        return
    await _tell_missed(work, chain, reply_to)


async def message_leaves(work: Work, urn: Urn, reference: str, body: str) -> None:
    """Remembers the digest of what is about to leave under this reference; to be committed before it does."""
    await store.add_sending(work, urn, reference, digest(body))


async def message_sent(work: Work, urn: Urn, sent: SentText, vendor: str) -> None:
    """The partner has taken it. A report that came before this answer counts from now on."""
    chain = await store.lock_chain_of(work, urn)
    message = chain.of(urn)
    if message is None or message.state not in UNRESOLVED:
        return
    waited_for, told_already = message.state is MessageState.QUEUED, chain.reached is not None
    taken = Delivery(sent.message, sent.status)
    _, reported, _ = await store.lock_delivery(work, vendor, taken)
    known = reported if reported.changes(taken.status) else taken
    await store.save_delivery(work, vendor, known, urn)
    if message.delivery is not None and replace(known, status=message.delivery).changes(known.status):
        known = replace(known, status=message.delivery)  # reported under our own reference
    news = known.status not in (taken.status, message.delivery)
    message = message.becomes(MessageState.SENT, vendor=vendor, vendor_message=sent.message, delivery=known.status)
    await store.save_message(work, message)
    after = {"trigger": message.trigger, "channel": message.channel, "vendor": vendor, "vendor_message": sent.message}
    await work.audit(action="notifications.message-sent", entity=urn, root=message.sub_case, after=after)
    if not told_already and (message.reached or waited_for):  # that it did not arrive after all is told as what it is, below
        await _tell_reached(work, message)
    if news:
        await _tell_delivery(work, message)
    if not message.reached:
        await _miss(work, message, known)


async def message_not_sent(work: Work, urn: Urn, why: str, evidence: dict[str, str], asks: Asks, *, unknown: bool = False) -> None:
    """It certainly was not sent; or, when `unknown`, nobody can tell. Either way the next channel is tried at once."""
    chain = await store.lock_chain_of(work, urn)
    message = chain.of(urn)
    if message is None or message.state not in UNRESOLVED or (unknown and message.state is not MessageState.QUEUED):
        return
    message = message.becomes(MessageState.UNKNOWN if unknown else MessageState.NOT_SENT, reason=why, evidence=evidence)
    await store.save_message(work, message)
    after = {"trigger": message.trigger, "channel": message.channel, "state": message.state, "evidence": evidence}
    await work.audit(action="notifications.message-not-sent", entity=urn, root=message.sub_case, reason=why, after=after)
    if unknown and message.delivery is not None and await _tell_found(work, message) and message.delivery not in MISSED:
        return  # its report was here first: it will be told as sent
    chain = chain.having(message)
    if chain.reached or chain.waiting or await _go_on(work, chain, message.reply_to, message.attempt, message.facts, asks):
        return
    await _tell_missed(work, chain, message.reply_to)


async def try_next_channel(work: Work, urn: Urn, asks: Asks) -> None:
    """What goes on after a message did not arrive: the next channel, or, without one, a person. Nobody waits for an answer any more."""
    chain = await store.lock_chain_of(work, urn)
    message = chain.of(urn)
    if message is None or chain.reached or chain.waiting:
        return
    if not await _go_on(work, chain, None, message.attempt, message.facts, asks):
        await _tell_missed(work, chain, None)


async def record_delivery(work: Work, vendor: str, report: Delivery) -> bool:
    """Takes a partner's report; False when it says nothing new. Reports come late, twice, out of order, and before the send's own answer.

    A report that carries our reference says what became of a message of which nobody could tell: MessageFound. One that did not arrive is
    told as MessageMissed, so that the next channel is tried.
    """
    chain = await store.lock_chain_of(work, report.reference) if report.reference else Chain()
    urn, known, first = await store.lock_delivery(work, vendor, report)
    if not first and not report.changes(known.status):
        return False
    if urn is None and report.reference and chain.of(report.reference):
        urn = report.reference
    await store.save_delivery(work, vendor, report, urn)
    if urn is None:
        return True
    message = (chain if chain.of(urn) else await store.lock_chain_of(work, urn)).of(urn)
    if message is None or (message.delivery is not None and not report.changes(message.delivery)):
        return True
    message = replace(message, delivery=report.status)
    await store.save_message(work, message)
    await _tell_delivery(work, message)
    if message.state is MessageState.UNKNOWN:
        await _tell_found(work, message)
    if message.state is MessageState.SENT and not message.reached:
        await _miss(work, message, report)
    return True


def _fresh(
    sub_case: Urn, trigger: str, channel: Channel, subject: Urn, reply_to: str | None, attempt: int, facts: dict[str, str],
    airport: str | None,
) -> Message:  # fmt: skip
    return Message(
        Urn.mint("message"), sub_case, trigger, channel, subject, MessageState.QUEUED, reply_to=reply_to, attempt=attempt, facts=facts,
        airport=airport,
    )  # fmt: skip


async def _begin(work: Work, message: Message, asks: Asks) -> None:
    if has_template(message.trigger):
        await asks.send(work, message)
        return
    why = f"there is no template for {message.trigger}"
    message = message.becomes(MessageState.NOT_SENT, reason=why)
    await store.save_message(work, message)
    await _tell_missed(work, Chain((message,)), message.reply_to)


async def _go_on(work: Work, chain: Chain, reply_to: str | None, attempt: int, facts: dict[str, str], asks: Asks) -> bool:
    """Whether there was a channel left to go on with."""
    following, last = chain.next(attempt), chain.last
    if following is None or not has_template(last.trigger):
        return False
    if isinstance(following, Message):
        message = following.becomes(MessageState.QUEUED, reply_to=reply_to, attempt=attempt, reason=None, evidence={}, facts=facts)
        await store.save_message(work, message)
    else:
        message = _fresh(last.sub_case, last.trigger, following, last.subject, reply_to, attempt, facts, last.airport)
        if not await store.begin_message(work, message):
            raise RuntimeError(f"{last.sub_case} has a {following} message about {last.subject} that its chain does not have")
    await asks.send(work, message)
    return True


async def _tell_reached(work: Work, message: Message) -> None:
    answer = LeadNotified(message.sub_case, message.trigger, message.channel.value, message.urn)
    await work.record(answer, aggregate=message.sub_case, reply_to=message.reply_to)


async def _tell_missed(work: Work, chain: Chain, reply_to: str | None) -> None:
    """No channel is left. The evidence is of what may have been sent after all, else of what did not arrive, else of the last one tried."""
    doubtful = [each for each in chain.messages if each.state is MessageState.UNKNOWN]
    lost = [each for each in chain.messages if each.state is MessageState.SENT]
    decisive = (doubtful or lost or chain.messages)[-1]
    why = "; ".join(dict.fromkeys(each.reason for each in chain.messages if each.reason))
    away = " ".join(sorted({each.evidence["away"] for each in chain.messages if "away" in each.evidence}))
    said = {each.channel.value.lower(): each.reason for each in chain.messages if each.reason}
    evidence = {**decisive.evidence, **said, **({"away": away} if away else {})}
    answer = LeadNotReached(decisive.sub_case, decisive.trigger, why, bool(doubtful), evidence)
    if reply_to is not None:
        await store.save_message(work, replace(chain.last, reply_to=reply_to, attempt=max(chain.attempt, attempt_of(reply_to))))
    await work.record(answer, aggregate=decisive.sub_case, reply_to=reply_to)


async def _tell_delivery(work: Work, message: Message) -> None:
    status = (message.delivery or DeliveryStatus.ACCEPTED).value
    await work.record(MessageDelivered(message.sub_case, message.urn, status), aggregate=message.sub_case)


async def _tell_found(work: Work, message: Message) -> bool:
    """Only where a call to the partner is in question: its outcome is then told anew."""
    named = message.evidence.get("operation")
    if named:
        await work.record(MessageFound(message.sub_case, message.urn, Urn(named)), aggregate=message.sub_case)
    return bool(named)


async def _miss(work: Work, message: Message, report: Delivery) -> None:
    evidence = {"vendor": message.vendor or "", "message": report.message, "error": report.error or "", "status": report.status.value}
    why = "it did not arrive" if report.status is DeliveryStatus.UNDELIVERED else "it could not be sent on"
    await store.save_message(work, replace(message, reason=f"{message.channel.value}: {why}", evidence=evidence))
    await work.record(MessageMissed(message.sub_case, message.urn), aggregate=message.sub_case)


async def stop_messages(work: Work, partner: str | None, airport: str | None, reason: str) -> Stop:
    """Nothing of them leaves from the commit on. Refuses: BadInput. May be repeated."""
    made = await stop(work, Line.MESSAGES, partner=partner, airport=airport, reason=reason)
    await work.record(MessagesStopped(made.urn, made.version), aggregate=made.urn)
    return made


async def resume_messages(work: Work, urn: Urn, reason: str) -> Stop:
    """What waited goes on. Refuses: BadInput, NotFound. May be repeated."""
    over = await resume(work, urn, reason=reason)
    await work.record(MessagesStopped(over.urn, over.version), aggregate=over.urn)
    return over
