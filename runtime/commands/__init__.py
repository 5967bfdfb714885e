"""The command line, one module per command: its docstring's first line is the help, `configure` adds its options, `run` does it.

A command exists when its module does; nothing is listed that is not there.
"""


class CommandError(Exception):
    """What the user should read instead of a traceback; ends the command with 1."""
