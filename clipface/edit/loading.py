"""The one door from files and command lines to what edits faces: a checked avatar, its mappers, the truncation.

editor = load_editor(["runs/zombie", "look:clown"], device="auto")
codes = sample_latents(editor.avatar, [7], editor.psi)
edited = edit_faces(editor.avatar, codes, editor.mappers, strengths=[0.8])
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from clipface import assets, weights
from clipface.documents import check_fields
from clipface.edit.attributes import is_look, look_mapper
from clipface.edit.avatar import Avatar
from clipface.edit.mapper import FaceMapper
from clipface.edit.notes import check_alike, mapper_file, mapper_notes
from clipface.edit.options import PSI
from clipface.edit.origin import check_origin
from clipface.edit.paint import Paint, is_paint
from clipface.edit.people import find_people
from clipface.edit.published import read_published_networks
from clipface.edit.sliders import is_slider, slider_mapper
from clipface.edit.text_edits import is_text, text_edit
from clipface.edit.video_mapper import VideoMapper
from clipface.guidance import Encoder, load_encoder
from clipface.head.mesh import uv_map_hash
from clipface.render.load import load_head_and_renderer
from clipface.settings import GuidanceConfig, HeadConfig, RendererConfig
from clipface.texture.carry import find_map
from clipface.texture.linear import LINEAR_FILE, LinearTextures
from clipface.texture.published import read_generator


class Editor(NamedTuple):
    """What a command edits faces with; all of it on one device and in evaluation mode."""

    avatar: Avatar
    mappers: list[FaceMapper | VideoMapper | Paint]
    psi: float  # truncation of random faces
    notes: dict[str, Any]  # of the first mapper whose run left any


def load_editor(
    mappers: Sequence[str | Path] = (),
    *,
    generator: str | Path | None = None,
    head: str | None = None,
    renderer: str = "warp",
    psi: float | None = None,
    device: str = "auto",
    animated: bool = False,
    like: Sequence[Path] = (),
) -> Editor:
    """Load all that faces are edited with, and check that it fits together.

    Args:
        mappers: as `load_mapper` takes them.
        generator: weights, the authors' too; None: those that the mappers' runs had, or the shipped ones.
        head: "open" or "flame"; None: that of the mappers' runs, or the open one.
        renderer: "warp" or "nvdiffrast".
        psi: truncation, 0 the mean texture, 1 the generator's full variety; None: that of the first run, or 1.
        device: as `choose_device` takes it.
        animated: whether mappers of animations are taken too.
        like: further files with notes that must agree with those of the mappers: edits of single faces.

    Raises:
        FileNotFoundError: if a file is missing; says how to get it.
        ValueError: if a file is damaged, mappers are of different heads or generators and neither is given, or a
            mapper, the generator, the head, psi and the device do not fit together.
    """
    place = choose_device(device)
    noted = [(file, notes) for file in (*mappers, *like) if (notes := mapper_notes(file))]
    settled = {"head": head, "generator": generator}
    check_alike(noted, [key for key, chosen in settled.items() if not chosen])
    notes = noted[0][1] if noted else {}
    said = "" if psi is not None or notes.get("psi") is None else f" in {noted[0][0]}"
    psi = next(given for given in (psi, notes.get("psi"), PSI) if given is not None)
    if not (math.isfinite(psi) and psi >= 0):
        raise ValueError(f"psi: expected a number from 0 (the mean texture) to 1 (the full variety), got {psi}{said}")
    config = HeadConfig(head) if head else HeadConfig(**(notes.get("head") or {}))
    avatar = load_avatar(generator or notes.get("generator"), config, RendererConfig(renderer)).to(place)
    kind = None if animated else FaceMapper
    found = [load_mapper(file, avatar, kind).to(place) for file in mappers]
    for file in like:
        check_origin(f"edits {file}", mapper_notes(file), avatar, "make them again by scripts/measure/baselines.py")
    return Editor(avatar, found, psi, notes)


def check_fit(file: str | Path, mapper: FaceMapper | VideoMapper, avatar: Avatar) -> None:
    """Refuse a mapper of another code size or of more coefficients than the head has, or whose region it lacks."""
    dim = avatar.generator.config["w_dim"]
    if mapper.config["dim"] != dim:
        raise ValueError(
            f"mapper: expected one for codes of {dim} numbers a level, as the generator has, got {file} for "
            f"{mapper.config['dim']}; give --generator as in its run"
        )
    if isinstance(mapper, VideoMapper):  # it reads as many coefficients as there are
        return
    for part, name, most in (
        (mapper.expression, "n_expression", avatar.head.n_expression),
        (mapper.identity, "n_shape", avatar.head.n_shape),
    ):
        if part is not None and mapper.config[name] > most:
            raise ValueError(
                f"mapper: expected at most {most} coefficients ({name}) of {avatar.head.source}, got "
                f"{mapper.config[name]} of {file}; it was trained for another head: give --head"
            )
    if mapper.region is not None:
        try:
            avatar.mask(mapper.region)
        except ValueError as error:
            raise ValueError(f"mapper {file}: {error}") from None


def choose_device(name: str) -> torch.device:
    """The device of a name: "auto" is the first GPU, or else the CPU.

    Raises:
        ValueError: for another name than PyTorch knows, or "cuda" without a GPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(f"device: expected auto, cpu or cuda, got {name!r}") from None
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device: expected cpu, since PyTorch sees no CUDA device, got {name}; use --device cpu")
    return device


def load_avatar(generator: str | Path | None, head: HeadConfig, renderer: RendererConfig) -> Avatar:
    """Load the frozen half of an edit.

    A generator of the open head paints another head through the map that lies beside that head's file.

    Args:
        generator: weights, a `.safetensors` file or one of the authors'; None: those that come with the project.
        head: which head.
        renderer: backend, shading and supersampling.

    Raises:
        FileNotFoundError: if a file is missing; says how to get it.
        ValueError: if a file is cut off or of another kind, the people beside the generator are another's, or its UV
            map is another one than the head's.
    """
    path = Path(generator or assets.resolve("generator"))
    network, (model, drawn) = read_generator(path), load_head_and_renderer(head, renderer)
    found, sha256 = find_map(path, network.config["uv_map"], model), assets.checksum(path)
    people = find_people(path, network.config["z_dim"], model, sha256, found)
    both = [found.carrier(uv_map) for uv_map in (network.config["uv_map"], uv_map_hash(model))] if found else []
    return Avatar(network, model, drawn, people, sha256, find_linear(path, network.config), *both)


def find_linear(generator: Path, config: dict[str, Any]) -> LinearTextures | None:
    """Read the linear model that lies beside an anchored generator's file; None without one, or if it is another's."""
    path = generator.with_name(LINEAR_FILE)
    if not path.is_file():
        return None
    notes = weights.load_config(path)
    check_fields(f"linear textures {path}", notes, "take the file away", count=int | None)
    if notes.get("uv_map") != config["uv_map"] or (notes.get("count") or 0) > config["z_dim"]:
        return None
    return LinearTextures.from_weights(path)


def load_encoders(guidance: GuidanceConfig) -> list[Encoder]:
    """Load the encoder that guides a run, and those that guide it too."""
    return [load_encoder(each) for each in guidance.every()]


def load_mapper(
    path: str | Path, avatar: Avatar, kind: type[FaceMapper | VideoMapper] | None = FaceMapper
) -> FaceMapper | VideoMapper | Paint:
    """Read a mapper as `read_mapper` does, a slider (`slider:older=20`) or paint (`paint:clown`); check that it fits.

    Args:
        path: see there.
        avatar: that it is to edit.
        kind: see there.

    Raises:
        FileNotFoundError, ValueError: if a file is missing or cut off, or it is no mapper for this avatar.
    """
    if is_paint(path):
        return Paint(path, avatar)
    mapper = slider_mapper(path, avatar) if is_slider(path) else read_mapper(path, avatar, kind)[0]
    check_fit(path, mapper, avatar)
    return mapper


def read_mapper(
    path: str | Path, avatar: Avatar, kind: type[FaceMapper | VideoMapper] | None = FaceMapper
) -> tuple[FaceMapper | VideoMapper, dict[str, Any]]:
    """Read a mapper: a run's folder, its `mapper.safetensors`, one of the authors' files, `look:` or `text:`.

    Args:
        path: see above; a file that does not end in `.safetensors` is taken for one of the authors'.
        avatar: that it is to edit; the authors' files hold two levels more than its generator reads.
        kind: FaceMapper, VideoMapper, or None: that of the file.

    Returns:
        The mapper (CPU, evaluation mode) and the run's notes; none for a file of the authors or a look.

    Raises:
        FileNotFoundError, ValueError: if a file is missing, cut off, or no mapper for this generator and UV map.
    """
    if is_look(path):
        return look_mapper(path, avatar), {}
    if is_text(path):
        return text_edit(path, avatar), {}
    file, levels = mapper_file(path), avatar.generator.levels
    if file.suffix == ".safetensors":
        kind = kind or (VideoMapper if VideoMapper.NAME in weights.load_config(file) else FaceMapper)
        mapper, notes = kind.from_weights(file)
    else:
        if kind is None:
            kind = VideoMapper if read_published_networks(file, levels).moving else FaceMapper
        mapper, notes = kind.from_published(file, levels), {}
    if mapper.config["levels"] != levels:
        raise ValueError(f"mapper: {file} is for {mapper.config['levels']} levels, the generator has {levels}")
    check_origin(f"mapper {file}", notes, avatar, "train it again, or give --generator and --head as in its run")
    return mapper.eval(), notes
