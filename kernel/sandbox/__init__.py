"""Mechanisms of a partner's twin: a book of everything it holds, faults to order, a limit, and the shell that applies them.

The twins themselves lie beside their adapters. A twin behaves as its partner publishes; what no partner publishes (the book,
the faults, the limits) is reached under `/_sandbox` alone.
"""
