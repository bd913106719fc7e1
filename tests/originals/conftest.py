"""The original's files, small, and the data folder of whoever has them."""

from pathlib import Path

import pytest

from scripts.recipes.originals_build.build import build
from scripts.recipes.originals_build.sizes import SMALL


@pytest.fixture(scope="session")
def originals(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    build(folder, SMALL)
    return folder


@pytest.fixture
def flame(originals, monkeypatch) -> Path:
    """Make `head=flame` mean the small files: only the two that the original names."""
    monkeypatch.setenv("CLIPFACE_DATA", str(originals))
    return originals
