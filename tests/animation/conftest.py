"""The heads that motions are read for: with ARKit's names, and without any."""

from pathlib import Path

import pytest

from clipface.head import HeadModel, load_head

FLAME = Path(__file__).parent.parent / "golden" / "flame_tiny" / "generic_model.pkl"


@pytest.fixture(scope="session")
def arkit_head() -> HeadModel:
    """The open head: 100 expression slots, ARKit's 52 first."""
    return load_head("open")


@pytest.fixture(scope="session")
def unnamed_head() -> HeadModel:
    """A small head in FLAME's format."""
    return load_head("flame", FLAME)
