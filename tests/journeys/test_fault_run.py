"""A hundred sagas while everything is killed, paused, cut and wiped: the small form of `./nexa faults`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

from runtime.faults.verdict import Invariant, Verdict
from runtime.supervisor import ROOT

SAGAS = 100
SEED = 11
FEW = 0.03


async def test_a_hundred_sagas_lose_nothing_and_do_nothing_twice(tmp_path: Path) -> None:
    others = {name: value for name, value in os.environ.items() if not name.startswith("NEXA_")}
    asked = ["faults", "--sagas", str(SAGAS), "--seed", str(SEED), "--search", "0", "--json"]
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "runtime.command", *asked, cwd=ROOT, env={**others, "NEXA_HOME": str(tmp_path)},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said, complained = await child.communicate()
    assert said, complained.decode()
    told = json.loads(said)
    assert told["violations"] == {each.value: 0 for each in Invariant}
    assert all(told["looked_at"].values())
    assert told["lost_intents"] == 0
    assert told["class_d"]["reviewed"] == told["class_d"]["unknown"]
    assert told["review_share"] <= FEW  # of so few steps one is a fifth of a percent; the share itself is held over thousands
    assert child.returncode == (0 if told["good"] else 1)
    assert told["counts"]["acknowledged voucher"] == SAGAS
    kept = Verdict.read(json.loads((tmp_path / "faults" / str(SEED) / "part-0.json").read_text()))
    assert kept.told() == told
