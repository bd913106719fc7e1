"""Files to take away: what the page's export buttons send."""

import io
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface.export import write_obj, write_rigged_glb
from clipface.render.camera import perspective
from clipface.view.engine import Engine
from clipface.view.scene import wanted_heads
from clipface.view.state import FaceState, ViewSettings

PICTURE_HEIGHT = 1024  # pixels
FORMATS = ("glb", "obj", "png", "codes")


def file_name(state: FaceState, ending: str) -> str:
    """For instance face_3.glb."""
    return f"face_{state.seed}{'_edited' if state.edits else ''}.{ending}"


def glb(engine: Engine, state: FaceState) -> bytes:
    """The head with its skeleton, all named expressions and the edit as morph targets, as binary glTF.

    Raises:
        ValueError, ImportError: from `clipface.export`.
    """
    before, after = engine.parameters(state.unedited()), engine.parameters(state)
    edited = {"edited_shape": after["shape"], "edited_expression": after["expression"]} if state.edits else {}
    return _written("head.glb", lambda path: write_rigged_glb(
        path, engine.head, texture=engine.texture(state)[0], **before, **edited
    ))  # fmt: skip


def obj(engine: Engine, state: FaceState) -> bytes:
    """A zip file with the head as OBJ, its material and its texture.

    Raises:
        ValueError: from `clipface.export`.
    """
    with tempfile.TemporaryDirectory() as folder:
        write_obj(Path(folder) / "head.obj", engine.vertices(state)[0], engine.head, engine.texture(state)[0])
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(Path(folder).iterdir()):
                archive.write(file, file.name)
        return packed.getvalue()


def codes(engine: Engine, state: FaceState) -> bytes:
    """An `.npz` file of numbers that `scripts/edit.py --latents` reads.

    `w_plus` [1, L, dim] is the edited texture code (of the whole face, where edits were kept to regions), `shape` and
    `expression` are the head's with all sliders, `pose`, `neck_pose` and `eye_pose` radians.
    """
    arrays = {"w_plus": engine.edited(state).codes.w_plus, **engine.parameters(state)}
    file = io.BytesIO()
    np.savez(file, **{name: value.cpu().numpy() for name, value in arrays.items()})
    return file.getvalue()


def png(engine: Engine, state: FaceState, settings: ViewSettings, camera: Tensor, size: tuple[int, int]) -> bytes:
    """What the page shows, drawn by the project's renderer.

    Args:
        engine: draws.
        state, settings: what.
        camera: [1, 4, 4], of one head in the image's middle.
        size: height and width of one head's image, pixels; two heads lie side by side.
    """
    faces = [face for face, _ in wanted_heads(state, settings).values()]
    images = torch.cat([engine.image(face, settings, camera, size) for face in faces], -1)
    file = io.BytesIO()
    Image.fromarray((images.cpu() * 255).round().byte().permute(1, 2, 0).numpy()).save(file, "PNG")
    return file.getvalue()


def camera_of(position: np.ndarray, target: np.ndarray, up: np.ndarray, fov: float, aspect: float) -> Tensor:
    """The renderer's camera for one of the browser.

    Args:
        position, target, up: [3], metres, head frame.
        fov: over the image's height, radians.
        aspect: width / height.

    Returns:
        [1, 4, 4].
    """
    back = np.asarray(position, float) - target
    distance = np.linalg.norm(back)
    back = back / distance
    right = np.cross(up, back)
    right = right / np.linalg.norm(right)
    axes = torch.tensor(np.stack([right, np.cross(back, right), back])[None], dtype=torch.float32)
    centre = tuple(float(value) for value in target)
    return perspective(
        axes, torch.tensor([float(distance)]), torch.tensor([float(np.degrees(fov))]), aspect, centre=centre
    )


def _written(name: str, write) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return Path(write(Path(folder) / name)).read_bytes()
