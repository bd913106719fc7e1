"""The one way tests load a command of scripts/."""

import importlib
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[2]


def script(name: str) -> ModuleType:
    """Import a command, such as "edit" or "measure/baselines"; the same module at every call."""
    return importlib.import_module(f"scripts.{name.replace('/', '.')}")
