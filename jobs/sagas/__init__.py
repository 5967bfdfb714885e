"""The plans of durable work, one file each."""

from __future__ import annotations

import importlib
import pkgutil

from kernel.saga import Plans, Saga


def load() -> Plans:
    """Every plan that this folder holds. Raises: PlanError for one that could not run."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return Plans(*(value for module in modules for value in vars(module).values() if isinstance(value, Saga)))
