"""What evaluations read back: folders of heads, edits of single faces, faces that were measured."""

import json
from pathlib import Path

import numpy as np
import torch

from clipface import weights
from clipface.edit.sampling import sample_faces
from clipface.evaluation.edits.edited import apply, read_sources
from clipface.evaluation.heads import MANIFEST, SETTINGS, read_manifest, read_settings
from clipface.evaluation.people.face_meter import TRAITS, MeasuredFaces, read_measured

from .. import lies, text_lies, tiny
from ..reader import NOTES, Reader
from ..tiny import DIM, LEVELS, SIZE

NAMES = ["a", "b"]


def _heads(path: Path) -> None:
    """A folder of one head."""
    path.mkdir()
    head = {"number": 0, "file": "00000.glb", "codes": "00000.npz", "preview": "00000.png", "seed": 0, "prompt": ""}
    for key in ("file", "codes", "preview"):
        (path / head[key]).touch()
    (path / MANIFEST).write_text(json.dumps(head) + "\n", encoding="utf-8")
    (path / SETTINGS).write_text(json.dumps({"seed": 0, "mapper": [], "strength": [0.5, 1.0]}), encoding="utf-8")


def _read_heads(path: Path) -> object:
    return read_settings(path), read_manifest(path)


def _edits(path: Path) -> None:
    """Edits of two faces, as scripts/measure/baselines.py leaves them."""
    tensors = {"expression": torch.zeros(2, tiny.head().n_expression), "w_plus": torch.zeros(2, LEVELS, DIM)}
    tensors["texture"] = torch.zeros(2, 3, SIZE, SIZE)
    notes = {"faces": 2, "seed": 0, "method": "w_plus", "seconds_a_face": 0.1, "psi": 1.0, "head": {"name": "open"}}
    weights.save(path, tensors, {**notes, "prompt": {"name": "zombie", "target": "a zombie", "source": "a face"}})


def _read_edits(path: Path) -> object:
    (source,), avatar = read_sources([str(path)]), tiny.avatar()
    faces = sample_faces(avatar, [0, 1], 1.0, "evaluation", 0)
    return apply(source, None, avatar, faces, torch.zeros(2, 3, SIZE, SIZE), 0)


def _measured(path: Path) -> None:
    found = MeasuredFaces(torch.zeros(2, 128), torch.zeros(2, len(TRAITS)))
    np.savez(path, names=np.array(NAMES), **{name: part.numpy() for name, part in found._asdict().items()})


READERS = (
    Reader("folders of heads", "heads", _heads, _read_heads, None,
           ((".json", text_lies.documents), (".jsonl", text_lies.documents)), lenient=True),
    Reader("edits of single faces", "zombie_w_plus.safetensors", _edits, _read_edits, lies.tensors, NOTES),
    Reader("measured faces", "measured.npz", _measured, lambda path: read_measured(path, NAMES), lies.npz),
)  # fmt: skip
