"""A folder of edited heads that differ in identity, texture, edit and its strength, with a manifest.

Every head depends on its number and the folder's settings alone, so a folder can be continued at any time.
"""

import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from clipface import assets
from clipface.edit.apply import edit_faces
from clipface.edit.attributes import is_look
from clipface.edit.export import write_face
from clipface.edit.loading import Editor, mapper_file, mapper_notes
from clipface.edit.mapper import FaceMapper
from clipface.edit.sampling import sample_latents
from clipface.evaluation.faces import IMAGE_SIZE, SECOND_VIEW, face_images
from clipface.evaluation.grid import to_image
from clipface.export.surface import png
from clipface.files import write_atomic

DIGITS = 3  # of strengths
CHECKSUM = 16  # digits of files' checksums in the settings
MANIFEST, SETTINGS = "manifest.jsonl", "settings.json"


class Edit(NamedTuple):
    """A trained mapper, or a look, and what it was trained for."""

    mapper: FaceMapper
    prompt: str


class HeadSettings(NamedTuple):
    """What all heads of a folder share."""

    seed: int = 0  # of the first head; the others follow
    strength: tuple[float, float] = (0.5, 1.0)  # least and most, 1 the trained edit
    size: int = IMAGE_SIZE  # side of the preview's two images, pixels
    expressions: Sequence[str] | None = None  # that a GLB holds, see `write_face`


def edits_of(files: Sequence[str | Path], editor: Editor) -> list[Edit]:
    """Pair an editor's mappers with the words of their runs; a file's or look's name where it does not say."""
    words = [mapper_notes(file).get("prompt", {}).get("target") or Path(file).name for file in files]
    return [Edit(mapper, prompt) for mapper, prompt in zip(editor.mappers, words, strict=True)]


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Note a folder's settings in it, or refuse others than it was begun with.

    Args:
        folder: of the heads.
        settings: plain values by option; `mapper` and `generator` are noted by their contents' checksums.

    Raises:
        ValueError: naming the setting, its value before and now.
    """
    now = dict(settings)
    now["mapper"] = [f"{Path(file).name}, {_checksum(file)}" for file in settings["mapper"]]
    now["generator"] = assets.checksum(Path(settings["generator"] or assets.resolve("generator")))[:CHECKSUM]
    path = folder / SETTINGS
    before = json.loads(path.read_text()) if path.is_file() else now
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise ValueError(
                f"{name}: expected {before.get(name)}, with which {folder} was begun, got {now.get(name)}; other "
                "settings need another --output"
            )
    write_atomic(path, json.dumps(now, indent=1) + "\n")


def make_missing(folder: Path, count: int, editor: Editor, edits: Sequence[Edit], settings: HeadSettings) -> int:
    """Write the heads that a folder lacks.

    Args:
        folder: of the heads.
        count: how many it has in the end.
        editor: avatar and truncation.
        edits: used in turn; none: faces as they are.
        settings: of all heads.

    Returns:
        How many were missing.
    """
    from tqdm import tqdm

    done = read_manifest(folder)
    missing = [number for number in range(count) if number not in done]
    for number in tqdm(missing, desc="heads", disable=not missing):
        line = make_head(number, folder, editor, edits, settings)
        with (folder / MANIFEST).open("a") as manifest:
            manifest.write(json.dumps(line) + "\n")
    return len(missing)


def read_manifest(folder: Path) -> dict[int, dict[str, Any]]:
    """Read which heads are there, by number; lines cut off or without their files are dropped from the manifest."""
    path, found = folder / MANIFEST, {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            head = json.loads(line)
        except json.JSONDecodeError:
            continue
        if all((folder / head[key]).is_file() for key in ("file", "preview", "codes")):
            found[head["number"]] = head
    write_atomic(path, "".join(json.dumps(head) + "\n" for head in found.values()))
    return found


@torch.no_grad()
def make_head(
    number: int, folder: Path, editor: Editor, edits: Sequence[Edit], settings: HeadSettings
) -> dict[str, Any]:
    """Write one head's files and return its line of the manifest."""
    avatar, seed, name = editor.avatar, settings.seed + number, f"{number:05d}"
    edit = edits[number % len(edits)] if edits else None
    strength = round(random.Random(seed).uniform(*settings.strength), DIGITS) if edit else 0.0
    codes = sample_latents(avatar, [seed], editor.psi)  # one by one: alike however often the work was interrupted
    edited = edit_faces(avatar, codes, [edit.mapper] if edit else [], [strength])
    texture = edited.texture(avatar)
    write_face(folder / f"{name}.glb", avatar, codes, edited, texture[0], settings.expressions)
    views = [face_images(avatar, texture, edited.codes, yaw, settings.size)[0] for yaw in (0.0, SECOND_VIEW)]
    write_atomic(folder / f"{name}.png", png(to_image(torch.cat(views, -1))))
    arrays = codes._asdict() | {f"edited_{key}": value for key, value in edited.codes._asdict().items()}
    content = io.BytesIO()
    np.savez(content, **{key: value.cpu().numpy() for key, value in arrays.items()})
    write_atomic(folder / f"{name}.npz", content.getvalue())
    return {
        "number": number,
        "file": f"{name}.glb",
        "seed": seed,
        "prompt": edit.prompt if edit else "",
        "strength": strength,
        "codes": f"{name}.npz",
        "preview": f"{name}.png",
    }


def _checksum(file: str | Path) -> str:
    """Of a mapper's weights; of a look those of all looks."""
    return assets.checksum(assets.resolve("looks") if is_look(file) else mapper_file(file))[:CHECKSUM]
