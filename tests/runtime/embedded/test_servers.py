"""The embedded servers answer, under a password, as nobody special, and end with whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, NoPermissionError

from runtime.embedded.postgres import Postgres
from runtime.embedded.process import ServerError, free_port
from runtime.embedded.valkey import Valkey, ValkeyUrls
from tests.harness.servers import ROOT

PARENT = """
    import sys, time
    from pathlib import Path
    from runtime.embedded.postgres import Postgres
    from runtime.embedded.process import free_port
    from runtime.embedded.valkey import Valkey
    home = Path(sys.argv[1])
    postgres = Postgres(home / "postgres", port=free_port(), careless=True)
    postgres.start(template=Path(sys.argv[2]))
    valkey = Valkey("coordination", home / "valkey", port=free_port())
    valkey.start()
    print(postgres.pid, valkey.pid, flush=True)
    time.sleep(60)
"""


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def _eventually(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return condition()


async def test_postgres_answers_as_the_version_the_wheel_promises(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    try:
        assert str(await connection.fetchval("show server_version")).startswith("18.")
        assert await connection.fetchval("show password_encryption") == "scram-sha-256"
        assert await connection.fetchval("show max_connections") == "300"
    finally:
        await connection.close()


async def test_postgres_turns_away_a_wrong_password(postgres_url: str) -> None:
    parts = urlsplit(postgres_url)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(host=parts.hostname, port=parts.port, user="postgres", password="wrong", database="postgres")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives up its rights")
def test_postgres_started_by_root_holds_one_capability_and_no_more(postgres: Postgres) -> None:
    status = Path(f"/proc/{postgres.pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
    assert "0" not in fields["Uid"].split()
    assert fields["Groups"].strip() == ""
    assert int(fields["CapPrm"], 16) in {1 << 2, 1 << 1, 0}
    assert fields["CapEff"] == fields["CapPrm"]


async def test_valkeys_are_three_and_keep_strangers_out(valkey_urls: ValkeyUrls) -> None:
    addresses = [valkey_urls.snapshots, valkey_urls.coordination, valkey_urls.queue]
    assert len({urlsplit(address).port for address in addresses}) == 3
    for address in addresses:
        async with Redis.from_url(address) as known:
            assert await known.ping()
        parts = urlsplit(address)
        async with Redis(host=str(parts.hostname), port=int(parts.port or 0)) as stranger:
            with pytest.raises(AuthenticationError):
                await stranger.ping()


async def test_the_platforms_user_reaches_slots_and_breakers_and_nothing_else(valkey_urls: ValkeyUrls) -> None:
    async with Redis.from_url(valkey_urls.platform) as client:
        assert await client.ping()
        await client.set("traffic:{x}:limit", 1)
        assert await client.delete("traffic:{x}:limit") == 1
        for forbidden in ("GET bus:{t1}:cases", "KEYS *", "FLUSHALL", "CLIENT LIST", "CONFIG GET *", "PUBLISH feed:t1 x", "ACL LIST"):
            with pytest.raises(NoPermissionError):
                await client.execute_command(*forbidden.split())


async def test_a_wipe_of_one_valkey_leaves_the_others_alone(valkey_urls: ValkeyUrls) -> None:
    async with Redis.from_url(valkey_urls.snapshots) as snapshots, Redis.from_url(valkey_urls.coordination) as coordination:
        await snapshots.set("kept", "yes")
        await coordination.flushall()
        assert await snapshots.get("kept") == b"yes"
        await snapshots.delete("kept")


async def test_coordination_keeps_what_it_was_told_over_a_restart(tmp_path: Path) -> None:
    valkey = Valkey("coordination", tmp_path, port=free_port())
    valkey.start()
    try:
        async with Redis.from_url(valkey.url) as client:
            await client.set("fence", "7")
        valkey.stop()
        valkey.start()
        async with Redis.from_url(valkey.url) as client:
            assert await client.get("fence") == b"7"
    finally:
        valkey.stop()


def test_a_used_port_is_named(postgres: Postgres, tmp_path: Path) -> None:
    port = postgres.port
    with pytest.raises(ServerError, match=str(port)):
        Valkey("queue", tmp_path, port=port).start()


def test_servers_end_with_their_parent_on_kill_9(tmp_path: Path, empty_cluster: Path) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PARENT), str(tmp_path), str(empty_cluster)], stdout=subprocess.PIPE, cwd=ROOT, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        servers = [int(word) for word in parent.stdout.readline().split()]
    assert len(servers) == 2
    assert all(_alive(pid) for pid in servers)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert _eventually(lambda: not any(_alive(pid) for pid in servers))
