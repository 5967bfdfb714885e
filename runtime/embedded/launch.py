"""The last step before a server's own program: give up root if asked, tie the life to the parent's, exec.

Run as a script by `process.py`, never imported by others: a fresh interpreter has one thread and no state, so nothing here
can deadlock as code between fork and exec can. Standard library only, so that `python -I -S` is enough.

    launch.py PARENT SIGNAL UID:GID|- CAPABILITY|- PROGRAM ARGUMENT…
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys

PR_SET_PDEATHSIG = 1
PR_SET_SECUREBITS = 28
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
SECBIT_NO_SETUID_FIXUP = 1 << 2
CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, what: str) -> None:
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def _prctl(option: int, first: int, second: int = 0) -> None:
    words = [ctypes.c_ulong(word) for word in (first, second, 0, 0)]
    _check(_libc.prctl(option, *words), f"prctl({option}, {first})")


def _held() -> tuple[int, int]:
    """The permitted and inheritable sets of this process, as bit masks."""
    with open("/proc/self/status") as status:
        fields = dict(line.split(":\t", 1) for line in status if line.startswith("Cap"))
    return int(fields["CapPrm"], 16), int(fields["CapInh"], 16)


def _capset(permitted: int, inheritable: int) -> None:
    header = struct.pack("<Ii", CAPABILITY_VERSION_3, 0)
    low, high = 0xFFFFFFFF, 32
    sets = struct.pack(
        "<6I", permitted & low, permitted & low, inheritable & low, permitted >> high, permitted >> high, inheritable >> high
    )
    _check(_libc.capset(ctypes.c_char_p(header), ctypes.c_char_p(sets)), "capset")


def become(uid: int, gid: int, capability: int | None) -> None:
    """Turn root into an ordinary user who keeps one capability, over exec too, and no other."""
    if capability is not None:
        permitted, inheritable = _held()
        _capset(permitted, inheritable | 1 << capability)
        _prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP)  # or the kernel empties the ambient set with the next line but two
        _prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability)
    os.setgroups([])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if capability is not None:
        _capset(1 << capability, 1 << capability)


def main(arguments: list[str]) -> None:
    """Become, tie, exec. Does not return."""
    parent, death, user, capability, *command = arguments
    if user != "-":
        uid, _, gid = user.partition(":")
        become(int(uid), int(gid), None if capability == "-" else int(capability))
    _prctl(PR_SET_PDEATHSIG, int(death))  # after the change of user, which clears it
    if os.getppid() != int(parent):  # the parent ended before the line above: nobody would tell us any more
        os.kill(os.getpid(), signal.SIGKILL)
    os.execv(command[0], command)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except OSError as error:
        sys.exit(f"nexa: cannot start {sys.argv[5] if len(sys.argv) > 5 else 'the server'}: {error}")
