"""A folder of edited heads that differ in identity, texture, edit and its strength, with a manifest.

Every head depends on its number and the folder's settings alone, so a folder can be continued at any time.
"""

import argparse
import io
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipface import assets
from clipface.documents import check_fields, parse_json, read_json, read_text
from clipface.edit.apply import edit_faces
from clipface.edit.attributes import is_look
from clipface.edit.files import write_face
from clipface.edit.loading import Editor, load_editor
from clipface.edit.mapper import Offsets
from clipface.edit.notes import mapper_file, mapper_notes
from clipface.edit.options import avatar_options
from clipface.edit.paint import is_paint
from clipface.edit.people import PEOPLE_FILE
from clipface.edit.sampling import sample_latents
from clipface.edit.sliders import is_slider
from clipface.evaluation.faces import SECOND_VIEW, face_images
from clipface.evaluation.grid import to_image
from clipface.export.surface import png
from clipface.files import write_atomic

DIGITS = 3  # of strengths
CHECKSUM = 16  # digits of files' checksums in the settings
MANIFEST, SETTINGS = "manifest.jsonl", "settings.json"


def check_settings(folder: Path, settings: Mapping[str, Any]) -> None:
    """Note a folder's settings in it, or refuse others than it was begun with.

    Args:
        folder: of the heads.
        settings: plain values by option; `mapper` and `generator` are noted by their contents' checksums.

    Raises:
        ValueError: naming the setting, its value before and now.
    """
    now, generator = dict(settings), Path(settings["generator"] or assets.resolve("generator"))
    now["mapper"] = [f"{Path(file).name}, {_checksum(file, generator)}" for file in settings["mapper"]]
    now["generator"] = assets.checksum(generator)[:CHECKSUM]
    before = read_settings(folder) or now
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise ValueError(
                f"{name}: expected {before.get(name)}, with which {folder} was begun, got {now.get(name)}; other "
                "settings need another --output"
            )
    write_atomic(folder / SETTINGS, json.dumps(now, indent=1) + "\n")


def read_settings(folder: Path) -> dict[str, Any]:
    """Read the settings that a folder was begun with; none for a folder without.

    Raises:
        ValueError: if they are damaged.
    """
    path = folder / SETTINGS
    return read_json(path, "heads", "take it away to begin anew") if path.exists() else {}


def make_missing(mappers: Sequence[str | Path], options: argparse.Namespace) -> int:
    """Write the heads that a folder lacks.

    Args:
        mappers: used in turn; none: faces as they are.
        options: of scripts/make_heads.py.

    Returns:
        How many were missing.
    """
    from tqdm import tqdm

    editor, folder = load_editor(mappers, **avatar_options(options)), options.output
    # What each was trained for; a file's or look's name where it does not say.
    prompts = [mapper_notes(file).get("prompt", {}).get("target") or Path(file).name for file in mappers]
    done = read_manifest(folder)
    missing = [number for number in range(options.count) if number not in done]
    for number in tqdm(missing, desc="heads", disable=not missing):
        line = make_head(number, editor, prompts, options)
        with (folder / MANIFEST).open("a", encoding="utf-8") as manifest:
            manifest.write(json.dumps(line) + "\n")
    return len(missing)


def read_manifest(folder: Path) -> dict[int, dict[str, Any]]:
    """Read which heads are there, by number; lines cut off or without their files are dropped from the manifest."""
    path, found = folder / MANIFEST, {}
    for line in read_text(path, "heads", "take it away to begin anew").splitlines() if path.exists() else []:
        try:
            head = parse_json(line)
            check_fields("head", {"line": head}, line=dict)
            check_fields("head", head, number=int, file=str, preview=str, codes=str)
        except ValueError:
            continue
        if all((folder / Path(head[key]).name).is_file() for key in ("file", "preview", "codes")):
            found[head["number"]] = head
    write_atomic(path, "".join(json.dumps(head) + "\n" for head in found.values()))
    return found


@torch.no_grad()
def make_head(number: int, editor: Editor, prompts: Sequence[str], options: argparse.Namespace) -> dict[str, Any]:
    """Write one head's files and return its line of the manifest."""
    avatar, seed, name, folder = editor.avatar, options.seed + number, f"{number:05d}", options.output
    turn = slice(number % len(prompts), number % len(prompts) + 1) if prompts else slice(0)  # one edit, or none
    strength = round(random.Random(seed).uniform(*options.strength), DIGITS) if prompts else 0.0
    codes = sample_latents(avatar, [seed], editor.psi)  # one by one: alike however often the work was interrupted
    edited = edit_faces(avatar, codes, editor.mappers[turn], [strength])
    texture = edited.texture(avatar)
    write_face(folder / f"{name}.glb", avatar, codes, edited.codes, texture[0], options.expressions, options.compact)
    views = [face_images(avatar, texture, edited.codes, yaw, options.size)[0] for yaw in (0.0, SECOND_VIEW)]
    write_atomic(folder / f"{name}.png", png(to_image(torch.cat(views, -1))))
    arrays = dict(zip(Offsets._fields, codes, strict=False))
    arrays |= {f"edited_{key}": value for key, value in zip(Offsets._fields, edited.codes, strict=False)}
    content = io.BytesIO()
    np.savez(content, **{key: value.cpu().numpy() for key, value in arrays.items()}, **avatar.origin)
    write_atomic(folder / f"{name}.npz", content.getvalue())
    return {
        "number": number,
        "file": f"{name}.glb",
        "seed": seed,
        "prompt": "".join(prompts[turn]),
        "strength": strength,
        "codes": f"{name}.npz",
        "preview": f"{name}.png",
    }


def _checksum(file: str | Path, generator: Path) -> str:
    """Of a mapper's weights; of a look those of all looks, of a slider the generator's people's; of paint none."""
    if is_paint(file):
        return ""
    if is_slider(file):
        people = generator.with_name(PEOPLE_FILE)
        return assets.checksum(people)[:CHECKSUM] if people.is_file() else ""  # loading says that there are none
    return assets.checksum(assets.resolve("looks") if is_look(file) else mapper_file(file))[:CHECKSUM]
