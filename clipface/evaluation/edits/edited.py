"""Where edits come from: trained mappers, and edits of single faces that a baseline saved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from clipface import weights
from clipface.documents import check_fields
from clipface.edit.attributes import PREFIX, is_look
from clipface.edit.avatar import Avatar, Faces
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.notes import check_alike, mapper_file, mapper_notes
from clipface.edit.text_edits import is_text
from clipface.evaluation.timing import synchronized_time
from clipface.settings import SOURCE_PHRASE, TEXT_PREFIX, config_names, named_prompts, read_config
from clipface.shapes import expect

SHARED = ("head", "generator", "psi")  # edits can be compared only where these are the same
REMEDY = "make them again by scripts/measure/baselines.py"
TOGETHER = 8  # faces painted or rendered at once


class Source(NamedTuple):
    """A file that holds an edit, or a look, and the notes that came with it."""

    name: str  # for the tables
    path: Path
    notes: dict[str, Any]  # with the prompt
    saved: bool  # whether the file holds edits of single faces, not a mapper


class Edit(NamedTuple):
    """Faces with an edit."""

    name: str
    notes: dict[str, Any]
    texture: Tensor  # [B, 3, R, R] in 0..1
    codes: Codes  # their expression and shape belong to the texture
    seconds: float | None = None  # for a face, from codes to texture and coefficients


def parse_source(words: str) -> tuple[str | None, Path]:
    """Read `NAME=PATH` or `PATH`."""
    name, found, path = words.partition("=")
    return (name, Path(path)) if found and not Path(words).exists() else (None, Path(words))


def read_sources(given: Sequence[str], prompts: Sequence[str] = ()) -> list[Source]:
    """Read where edits come from, each `NAME=PATH` or `PATH`; the mappers themselves are not loaded.

    Args:
        given: run folders, files of mappers, `look:NAME`, `text:WORDS`, or files of `scripts/measure/baselines.py`.
        prompts: what those that do not say it were trained for, one for all or one for each of `given`: a name of
            configs/prompt, or words.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if a file is none of these, two have the same name, or they are of different heads or generators.
    """
    if len(prompts) not in (0, 1, len(given)):
        raise ValueError(f"prompt: expected one for all or {len(given)}, one for each mapper, got {len(prompts)}")
    prompts = prompts if len(prompts) == len(given) else [*prompts, ""][:1] * len(given)
    sources = [_read_source(*parse_source(words), prompt) for words, prompt in zip(given, prompts, strict=True)]
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"mappers: expected a name for each, got {', '.join(twice)} more than once; give NAME=PATH")
    check_alike([(source.path, source.notes) for source in sources if "head" in source.notes], SHARED)
    return sources


def _read_source(name: str | None, path: Path, words: str) -> Source:
    prompt, notes = prompt_of(path, words), mapper_notes(path)
    if "method" in notes:
        check_fields(f"edits {path}", notes, REMEDY, prompt=dict, method=str)
        return Source(name or f"{prompt['name']} {notes['method']}", path, notes, True)
    return Source(name or _name(path, prompt["name"]), path, {**notes, "prompt": prompt}, False)


def _name(path: Path, prompt: str) -> str:
    """Of a run or a look its prompt's or its folder's name, of the authors' files their own, of words the words."""
    if is_text(path):
        return prompt or str(path).removeprefix(TEXT_PREFIX)
    file = mapper_file(path)
    return prompt or file.parent.name if is_look(path) or file.suffix == ".safetensors" else file.stem


def prompt_of(path: str | Path, words: str = "") -> dict[str, Any]:
    """What an edit was trained for: of a run its words, of a look those of configs/prompt.

    Args:
        path: a run's folder, a file with notes, or `look:NAME`.
        words: of a file without notes: a name of configs/prompt, or a prompt in words.

    Raises:
        ValueError: if it does not say.
    """
    name = str(path).removeprefix(PREFIX)
    if is_look(path) and name in config_names("prompt"):
        return {"source": SOURCE_PHRASE, **read_config("prompt", name)}
    if is_text(path):
        return {"source": SOURCE_PHRASE, **named_words(str(path).removeprefix(TEXT_PREFIX))}
    prompt = mapper_notes(path).get("prompt")
    if prompt is None and words:
        return {"source": SOURCE_PHRASE, **named_words(words)}
    if prompt is None:
        raise ValueError(
            f"mappers: expected a run of trainer.mapper, a file of scripts/measure/baselines.py or a look that is a "
            f"prompt in configs/prompt, got {path}, which does not say what it was trained for; give --prompt"
        )
    check_fields(f"mapper {mapper_file(path)}: prompt", prompt, name=str, target=str, source=str)
    return prompt


def named_words(words: str) -> dict[str, Any]:
    """The prompt of configs/prompt that a name or words stand for; of other words, one without a name."""
    for name in named_prompts():
        known = read_config("prompt", name)
        if words in (name, known["target"]):
            return known
    return {"name": "", "target": words}


@torch.no_grad()
def paint(avatar: Avatar, w_plus: Tensor) -> Tensor:
    """Textures [B, 3, R, R] in 0..1 of any number of codes."""
    return torch.cat([avatar.texture(part) for part in w_plus.split(TOGETHER)])


@torch.no_grad()
def apply(source: Source, mapper: FaceMapper | None, avatar: Avatar, faces: Faces, original: Tensor, seed: int) -> Edit:
    """Edit faces, or read their edits.

    Args:
        source: of the edit.
        mapper: of the source; None: the source holds edits of single faces.
        avatar: on the faces' device.
        faces: B of them, sampled with `seed`.
        original: their textures [B, 3, R, R].
        seed: of the faces.

    Raises:
        ValueError: if the edits were made of other faces.
    """
    if mapper is None:
        return _saved(source, faces, seed)
    device = original.device
    start = synchronized_time(device)
    codes = mapper(faces.codes)
    texture = original if mapper.texture is None else paint(avatar, codes.w_plus)
    texture = avatar.blend(original, texture, mapper.region)
    return Edit(source.name, source.notes, texture, codes, (synchronized_time(device) - start) / len(original))


def _saved(source: Source, faces: Faces, seed: int) -> Edit:
    tensors, _ = weights.load(source.path)
    count, device = len(faces.codes.shape), faces.codes.shape.device
    what = f"edits {source.path}"
    check_fields(what, source.notes, REMEDY, seed=int, faces=int, seconds_a_face=float)
    if source.notes["seed"] != seed or source.notes["faces"] < count:
        raise ValueError(
            f"{source.path}: expected edits of {count} faces of seed {seed}, got {source.notes['faces']} of seed "
            f"{source.notes['seed']}; give --faces and --seed as for scripts/measure/baselines.py"
        )
    weights.check_keys(("expression", "w_plus", "texture"), tensors, what)
    try:
        expect("expression", tensors["expression"], (source.notes["faces"], faces.codes.expression.shape[1]))
        expect("texture", tensors["texture"], (source.notes["faces"], 3, "R", "R"))
        expect("w_plus", tensors["w_plus"], (source.notes["faces"], "L", "dim"))
    except ValueError as error:
        raise ValueError(f"{what}: {error}; {REMEDY}") from error
    tensors = {name: value[:count].to(device) for name, value in tensors.items()}
    codes = faces.codes._replace(expression=tensors["expression"])
    return Edit(source.name, source.notes, tensors["texture"], codes, source.notes["seconds_a_face"])
