"""Edits from files, and the faces that they edit."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch

from clipface import weights
from clipface.bake.head_fit import HeadFit, white_light
from clipface.edit.avatar import Avatar
from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar, load_editor
from clipface.edit.mapper import FaceMapper
from clipface.edit.people import PEOPLE_FILE, People, find_people
from clipface.edit.persons.person import Person
from clipface.edit.sliders import slider_mapper
from clipface.edit.video_mapper import VideoMapper
from clipface.export.surface import png, texture_image
from clipface.settings import HeadConfig, RendererConfig

from .. import lies, tiny
from ..reader import NOTES, Reader
from ..tiny import DIM, LEVELS

_kept = TemporaryDirectory(prefix="fuzzing_")  # until this process ends
PEOPLE, KNOWN, SHAPES = 8, 4, 5  # people; entries of z that are codes; coefficients of identity


@cache
def _place() -> Path:
    """A folder with the tiny head and generator, which a run's notes name."""
    folder = Path(_kept.name)
    tiny.write_open_head(folder / "head.npz")
    tiny.avatar().generator.save(folder / "generator.safetensors")
    return folder


def write_mapper(path: Path) -> None:
    FaceMapper(LEVELS, DIM, 6).save(path, prompt={"target": "a zombie"}, psi=0.7)


def _run(path: Path) -> None:
    """A mapper as a run leaves it, with all that is noted."""
    notes = {
        "prompt": {"name": "zombie", "target": "a zombie", "source": "a face", "templates": ["{}"]}, "psi": 0.7,
        "head": {"name": "open", "path": str(_place() / "head.npz")},
        "generator": str(_place() / "generator.safetensors"),
        "guidance": {"model": "face_encoder", "text": "words", "also": []}, **_avatar().origin,
    }  # fmt: skip
    path.mkdir()
    FaceMapper(LEVELS, DIM, 6).save(path / "mapper.safetensors", **notes)


@cache
def _avatar() -> Avatar:
    """The avatar of `_place`, of a generator with a checksum."""
    head = HeadConfig("open", str(_place() / "head.npz"))
    return load_avatar(_place() / "generator.safetensors", head, RendererConfig())


def _video_mapper(path: Path) -> None:
    VideoMapper(LEVELS, DIM, 6).save(path)


def _published_mapper(path: Path) -> None:
    """A mapper under the authors' names."""
    states = {}
    for level in range(LEVELS + 2):
        layers = ((f"layers.{n}.weight", torch.randn(DIM, DIM)) for n in range(4))
        states[f"level_{level}"] = dict(layers) | {f"layers.{n}.bias": torch.zeros(DIM) for n in range(4)}
    torch.save(states, path)


def _codes(path: Path) -> None:
    """Codes as the authors'."""
    torch.save(torch.randn(2, LEVELS, DIM), path)


def _codes_folder(path: Path) -> None:
    path.mkdir()
    for number in range(2):
        torch.save(torch.randn(LEVELS, DIM), path / f"{number}.pt")


def write_codes(path: Path) -> None:
    arrays = {"w_plus": np.zeros((2, LEVELS, DIM), np.float32), "expression": np.zeros((2, 6), np.float32)}
    np.savez(path, **arrays, **{name: np.array(text) for name, text in tiny.avatar().origin.items()})


def _codes_sampled(path: Path) -> None:
    """Codes as scripts/sample_textures.py writes them."""
    halves = {name: torch.zeros(1, LEVELS, DIM) for name in ("train", "validation")}
    weights.save(path, halves, {"seeds": [0, 1], "psi": 1.0, **tiny.avatar().origin})


def _latents(path: Path) -> object:
    return read_latents(path, tiny.avatar(of_authors=path.suffix not in (".npz", ".safetensors")))


def _people(path: Path) -> None:
    """People of the tiny generator, with a slider."""
    people = People(
        torch.randn(PEOPLE, KNOWN), torch.full((PEOPLE,), 1 / PEOPLE), torch.arange(PEOPLE) // 2, torch.zeros(SHAPES),
        torch.zeros(KNOWN, SHAPES), torch.eye(SHAPES), torch.ones(1, KNOWN), torch.zeros(1, 2),
        [{"name": "older", "unit": "years", "step": 20.0, "most": 40.0}],
    )  # fmt: skip
    people.save(path, _place() / "generator.safetensors")


def _read_people(path: Path) -> object:
    known = _avatar()
    found = find_people(path.with_name("generator.safetensors"), DIM, known.head, known.origin["generator_sha256"])
    if found is None:
        raise ValueError(f"{path}: expected people, got none")
    sliders = [slider_mapper(f"slider:{slider['name']}", _with(found)) for slider in found.sliders]
    return found.sample(np.random.default_rng(0)), sliders


def _with(people: People) -> Avatar:
    known = _avatar()
    return Avatar(known.generator, known.head, known.renderer, people, known.origin["generator_sha256"], None)


def _person(path: Path) -> None:
    """A person, of the tiny generator."""
    fit = HeadFit(
        torch.zeros(1, 4), torch.zeros(1, 4), torch.zeros(1, 6), torch.zeros(1, 6), torch.ones(1), torch.zeros(1, 2),
        white_light(1), torch.zeros(1, 0),
    )  # fmt: skip
    sizes, notes = torch.tensor([[8, 8]]), tiny.avatar().origin | {"error": 0.01}
    square, preview = torch.eye(3, dtype=torch.float64)[None], png(texture_image(torch.zeros(3, 8, 8)))
    Person(torch.full((3, 8, 8), 0.2), torch.zeros(LEVELS, DIM), fit, square, sizes, notes, preview).save(path)


def _read_person(path: Path) -> object:
    person = Person.load(path, tiny.avatar())
    return person.codes(tiny.avatar()), person.image().load(), person.matrices.inverse()


READERS = (
    Reader("mappers", "mapper.safetensors", write_mapper, FaceMapper.from_weights, lies.tensors, NOTES),
    Reader("runs of mappers", "run", _run, lambda path: load_editor([path], device="cpu"), None,
           ((".safetensors", lies.tensors), *NOTES), named=("generator.safetensors", "head.npz")),
    Reader("mappers of animations", "mapper.safetensors", _video_mapper, VideoMapper.from_weights, lies.tensors, NOTES),
    Reader("authors' mappers", "mapper.pt", _published_mapper, lambda path: FaceMapper.from_published(path, LEVELS),
           lies.archives_of_torch),
    Reader("authors' codes", "codes.pt", _codes, _latents, lies.archives_of_torch),
    Reader("folders of codes", "codes", _codes_folder, _latents, None, ((".pt", lies.archives_of_torch),)),
    Reader("codes, .npz", "codes.npz", write_codes, _latents, lies.npz),
    Reader("codes, .safetensors", "codes.safetensors", _codes_sampled, _latents, lies.tensors, NOTES),
    Reader("people", PEOPLE_FILE, _people, _read_people, lies.tensors, NOTES),
    Reader("persons", "me.person.safetensors", _person, _read_person, lies.tensors),
)  # fmt: skip
