"""Every partner that can be asked anything can be probed: by a look-up, to which a sound partner has an answer."""

from __future__ import annotations

from typing import TypeVar

import pytest

from adapters.registry import SHEETS, SandboxSecrets, connect
from kernel.answer import Answer
from kernel.operation import Class
from kernel.partner import Exchange, Passage, Verdict
from runtime.sandbox import Sandbox
from tests.harness.partners import T1

T = TypeVar("T")


class Watch:
    """A gate that is open and writes down who passed."""

    def __init__(self) -> None:
        self.seen: list[tuple[Passage, Verdict | None]] = []

    async def through(self, passage: Passage, exchange: Exchange[T]) -> Answer[T]:
        outcome = await exchange()
        self.seen.append((passage, outcome.verdict))
        return outcome.answer


@pytest.mark.parametrize("vendor", sorted(vendor for vendor, sheet in SHEETS.items() if sheet.can_look))
async def test_a_probe_is_a_look_up_that_a_sound_partner_answers(vendor: str) -> None:
    watch = Watch()
    adapters = connect(SandboxSecrets(), gate=watch, twins=Sandbox(None).by_vendor())
    assert vendor in adapters.probes, f"the adapter of {vendor} has no `probe`: nobody would find out that it is back"
    await adapters.probes[vendor].probe(T1)
    assert watch.seen
    assert all(passage.vendor == vendor and passage.kind is Class.READ for passage, _ in watch.seen)
    assert [verdict for _, verdict in watch.seen] == [Verdict.HEALTHY] * len(watch.seen)
    await adapters.close()
