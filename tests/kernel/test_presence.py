"""Who is alive: silence is believed after a while, and the end of a neighbour's process at once."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import text

from kernel.database import Databases
from kernel.presence import Presence, Pulse
from kernel.process import Process, started

LONG = Pulse(dead_after=timedelta(hours=1))


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as child:
        try:
            yield child
        finally:
            child.kill()


def process_of(child: subprocess.Popen[bytes]) -> Process:
    own, began = Process.own(), started(child.pid)
    assert own is not None
    assert began is not None
    return replace(own, pid=child.pid, started=began)


def a_presence(databases: Databases, process: Process | None, pulse: Pulse = LONG) -> Presence:
    return Presence(databases.dispatch("cases"), f"test-{os.getpid()}", pulse, process=process)


def test_a_process_reads_as_it_was_written() -> None:
    own = Process.own()
    assert own is not None
    assert Process.parse(str(own)) == own
    assert (own.pid, own.started) == (os.getpid(), started(os.getpid()))
    assert not own.sees_gone(own)


def test_the_end_of_a_neighbour_is_seen_and_that_of_others_is_not(neighbour: subprocess.Popen[bytes]) -> None:
    own, beside = Process.own(), process_of(neighbour)
    assert own is not None
    assert not own.sees_gone(beside)
    assert own.sees_gone(replace(beside, started=beside.started + 1)), "the number belongs to a stranger now"
    neighbour.kill()
    neighbour.wait()
    assert own.sees_gone(beside)
    assert not own.sees_gone(replace(beside, room="another machine")), "nobody can see into another room"


def test_who_only_waits_to_be_buried_is_gone(neighbour: subprocess.Popen[bytes]) -> None:
    own, beside = Process.own(), process_of(neighbour)
    assert own is not None
    neighbour.kill()
    os.waitid(os.P_PID, neighbour.pid, os.WEXITED | os.WNOWAIT)
    assert own.sees_gone(beside)


async def test_a_neighbour_that_was_killed_is_dead_with_the_next_heartbeat(
    databases: Databases, neighbour: subprocess.Popen[bytes]
) -> None:
    victim, living = a_presence(databases, process_of(neighbour)), a_presence(databases, Process.own())
    try:
        await victim.beat()
        await living.beat()
        assert victim.me not in living.dead

        neighbour.kill()
        neighbour.wait()
        await living.beat()
        assert victim.me in living.dead
    finally:
        await forget(databases, victim, living)


async def test_without_a_process_only_silence_tells(databases: Databases) -> None:
    victim, living = a_presence(databases, None), a_presence(databases, Process.own(), Pulse(dead_after=timedelta(seconds=0.4)))
    try:
        await victim.beat()
        await living.beat()
        assert victim.me not in living.dead
        for _ in range(5):
            await asyncio.sleep(0.1)
            await living.beat()
        assert victim.me in living.dead
    finally:
        await forget(databases, victim, living)


async def test_who_could_not_beat_itself_waits_before_it_takes_silence_for_death(databases: Databases) -> None:
    pulse = Pulse(dead_after=timedelta(seconds=0.4))
    other, living = a_presence(databases, None, pulse), a_presence(databases, None, pulse)
    try:
        await other.beat()
        await living.beat()
        await asyncio.sleep(0.5)  # the database was away for both
        await living.beat()
        assert other.me not in living.dead
        for _ in range(5):  # its heart is steady again, and the other's is not heard
            await asyncio.sleep(0.1)
            await living.beat()
        assert other.me in living.dead
    finally:
        await forget(databases, other, living)


async def forget(databases: Databases, *presences: Presence) -> None:
    async with databases.dispatch("cases").begin() as connection:
        await connection.execute(text("delete from worker where id = any(:ids)"), {"ids": [presence.me for presence in presences]})
