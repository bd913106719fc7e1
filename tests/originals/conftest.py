"""The original's files, small, and the data folder of whoever has them."""

import shutil
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
def flame(originals, monkeypatch, tmp_path_factory) -> Path:
    """Make `head=flame` mean the small files: only the two that the original names."""
    folder = tmp_path_factory.mktemp("data")
    (folder / "flame").mkdir()
    for name in ("generic_model.pkl", "head_template.obj"):
        shutil.copy(originals / "flame" / name, folder / "flame")
    monkeypatch.setenv("CLIPFACE_DATA", str(folder))
    return originals


@pytest.fixture
def full_flame(originals, monkeypatch) -> Path:
    """Make `head=flame` mean the small files, landmarks and masks too."""
    monkeypatch.setenv("CLIPFACE_DATA", str(originals))
    return originals
