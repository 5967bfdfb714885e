"""Real servers out of two wheels: one Postgres, three Valkeys, under our own supervision.

They need no package manager and no container. Each is started through `launch.py`, which ties its life to ours: a server
ends with the process that started it, also when that one is killed with -9. As root, Postgres (which refuses root) runs as
an unprivileged user that may still read below a closed home; `privilege.py` says how.
"""
