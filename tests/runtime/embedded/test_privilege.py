"""Root chooses whom Postgres runs as, or says what it lacks."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.embedded.privilege import (
    CAP_CHOWN,
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    CAP_SETGID,
    CAP_SETPCAP,
    CAP_SETUID,
    PrivilegeError,
    Servant,
    choose,
)

NOBODY = (65534, 65534)
CHANGE_USER = 1 << CAP_CHOWN | 1 << CAP_SETGID | 1 << CAP_SETUID


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    (home / "project").mkdir(parents=True)
    home.chmod(0o700)
    return home / "project" / "data"


def test_root_with_everything_keeps_the_narrower_right(closed: Path) -> None:
    assert choose(2**41 - 1, NOBODY, (closed,)) == Servant(*NOBODY, CAP_DAC_READ_SEARCH)


def test_root_of_a_container_keeps_the_right_it_was_left(closed: Path) -> None:
    held = CHANGE_USER | 1 << CAP_SETPCAP | 1 << CAP_DAC_OVERRIDE
    assert choose(held, NOBODY, (closed,)) == Servant(*NOBODY, CAP_DAC_OVERRIDE)


def test_root_without_that_right_names_the_closed_folder(closed: Path) -> None:
    with pytest.raises(PrivilegeError, match="cannot enter"):
        choose(CHANGE_USER, NOBODY, (closed,))


def test_root_without_that_right_needs_none_where_all_is_open() -> None:
    assert choose(CHANGE_USER, NOBODY, (Path("/usr/bin/env"),)) == Servant(*NOBODY, None)


def test_root_without_capabilities_is_told_which_and_what_to_do(closed: Path) -> None:
    with pytest.raises(PrivilegeError, match=r"CAP_CHOWN, CAP_SETGID, CAP_SETUID.*NEXA_DATABASE_URL"):
        choose(0, NOBODY, (closed,))
