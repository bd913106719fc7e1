"""A small editor for tests: the open head, a tiny generator, and two runs of mappers whose offsets are random."""

import shutil
from pathlib import Path

import pytest
import torch

from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_avatar
from clipface.edit.mapper import FaceMapper
from clipface.head import load_head
from clipface.head.mesh import uv_map_hash
from clipface.settings import HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator
from clipface.view.edits.library import Library
from clipface.view.engine import Engine

PROMPTS = {"my_zombie": ("zombie", "a photo of a zombie"), "my_clown": ("clown", "a photo of a clown")}


def tiny_avatar(data: Path) -> Avatar:
    """The open head with the tiny generator."""
    return load_avatar(data / "generator.safetensors", HeadConfig(), RendererConfig())


def write_run(folder: Path, seed: int, prompt: tuple[str, str], avatar: Avatar) -> None:
    """Write a run's folder with a mapper that changes a lot."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        mapper = FaceMapper(avatar.generator.levels, avatar.generator.config["w_dim"], avatar.head.n_expression)
        for part in mapper.parts():
            part.start_at_random()
    words = {"name": prompt[0], "target": prompt[1]}
    mapper.save(folder / "mapper.safetensors", prompt=words, psi=0.7, **avatar.origin)


@pytest.fixture(scope="session")
def data(tiny_files, tmp_path_factory) -> Path:
    """A data folder with the tiny generator and encoders; the head is the one that comes with the project."""
    folder = tmp_path_factory.mktemp("data")
    for file in tiny_files.iterdir():
        if not file.name.startswith("open_head"):
            shutil.copy(file, folder / file.name)
    generator = TextureGenerator.from_weights(folder / "generator.safetensors")
    generator.config["uv_map"] = uv_map_hash(load_head())
    generator.save(folder / "generator.safetensors", half=False)
    return folder


@pytest.fixture(scope="session")
def runs(data, tmp_path_factory) -> Path:
    """A folder of runs."""
    folder = tmp_path_factory.mktemp("runs")
    avatar = tiny_avatar(data)
    for seed, (name, prompt) in enumerate(PROMPTS.items()):
        write_run(folder / name, seed, prompt, avatar)
    return folder


@pytest.fixture(scope="session")
def avatar(data) -> Avatar:
    """The tiny avatar, for tests that leave it as it is."""
    return tiny_avatar(data)


@pytest.fixture
def engine(data, runs) -> Engine:
    """Computes faces of the tiny generator; nothing is kept yet."""
    avatar = tiny_avatar(data)
    return Engine(avatar, Library(runs, avatar))
