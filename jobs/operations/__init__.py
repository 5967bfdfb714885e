"""The calls to partners, one file each: what is sent, how it is looked up, what its outcome changes."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from kernel.operation import Operation, Operations


@cache
def load() -> Operations:
    """Every operation that this folder holds, once, also where one file uses another's."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    found = {id(value): value for module in modules for value in vars(module).values() if isinstance(value, Operation)}
    return Operations(*found.values())
