"""The bell of one process, on a real Valkey."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.doorbell import Doorbell, queue_of
from kernel.tenancy import Tenant
from runtime.embedded.valkey import ValkeyUrls
from tests.harness.messages import until


async def test_a_ring_never_fails_whatever_happens_to_it(valkey_urls: ValkeyUrls) -> None:
    asked: list[int] = []

    async def queues() -> Sequence[str]:
        asked.append(len(asked))
        if len(asked) == 1:
            raise LookupError("something nobody thought of")
        return [queue_of("worker-1")]

    bell = Doorbell(valkey_urls.queue, queues)
    bell.ring(Tenant("t1"))
    await until(lambda: len(asked) == 1)
    bell.ring(Tenant("t1"))
    await until(lambda: len(asked) == 2)
    await bell.close()
