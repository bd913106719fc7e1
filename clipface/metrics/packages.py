"""Where packages of extras lie that are not imported, since only their files are read."""

import importlib.util
from pathlib import Path


def package_folder(module: str, extra: str, package: str) -> Path:
    """Find a package's folder without importing it.

    Args:
        module: its name in Python.
        extra: of setup.py, which lists it.
        package: its name for pip.

    Raises:
        ModuleNotFoundError: if it is missing; says how to install it.
    """
    found = importlib.util.find_spec(module)
    if found is None:
        raise ModuleNotFoundError(f"{extra}: the package {package} is missing; {install_hint(extra)}")
    return Path((found.submodule_search_locations or [found.origin])[0])


def install_hint(extra: str) -> str:
    """How an extra of setup.py is installed."""
    return f'install it with `pip install -e ".[{extra}]"`'
