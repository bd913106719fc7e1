"""Files to take away: what the page's export buttons send."""

import io
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from clipface.export import write_obj, write_rigged_glb, write_usdz
from clipface.files import slug
from clipface.view.engine import Engine
from clipface.view.screen.gallery import Tile
from clipface.view.screen.images import BrowserCamera, cut_out, render_view, shown_surfaces
from clipface.view.session.state import FaceState, ViewSettings

IMAGE_HEIGHT = 1024  # pixels
IMAGE_HEIGHTS = (64, 2160)  # that can be had


def file_name(state: FaceState, ending: str) -> str:
    """For instance face_3.glb."""
    return f"face_{state.seed}{'_edited' if any(edit.working for edit in state.edits) else ''}.{ending}"


def glb(engine: Engine, state: FaceState, hair: bool = False) -> bytes:
    """The head with its skeleton, all named expressions and the edit as morph targets, as binary glTF.

    Args:
        engine: computes the face.
        state: the face.
        hair: whether it has cropped hair.

    Raises:
        ValueError, ImportError: from `clipface.export`.
    """
    return _rigged(engine, state, hair, "head.glb", write_rigged_glb)


def usdz(engine: Engine, state: FaceState, hair: bool = False) -> bytes:
    """The same as USDZ; arguments and errors as of `glb`."""
    return _rigged(engine, state, hair, "head.usdz", write_usdz)


def _rigged(engine: Engine, state: FaceState, hair: bool, name: str, write: Callable[..., Path]) -> bytes:
    before, after = engine.parameters(state.unedited()), engine.parameters(state)
    edited = {"edited_shape": after["shape"], "edited_expression": after["expression"]} if state.edits else {}
    texture, detail = engine.coloured(state, hair)[0], engine.edited(state.unedited()).codes.detail
    relief = detail and detail.texture[0]  # a photograph's, whatever is painted on it
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        write(path, engine.head, texture=texture, relief=relief, **before, **edited)
        return path.read_bytes()


def every(engine: Engine, tiles: Sequence[Tile], hair: bool, progress: Callable[[float], None]) -> bytes:
    """A zip file with a GLB of each face of a gallery.

    Args:
        engine: renders.
        tiles: whose faces.
        hair: whether they have cropped hair.
        progress: called with the share that is done, 0..1.
    """
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:  # textures are compressed already
        for number, tile in enumerate(tiles):
            archive.writestr(f"{number + 1:02d}_{slug(tile.caption)}.glb", glb(engine, tile.face, hair))
            progress((number + 1) / len(tiles))
    return packed.getvalue()


def obj(engine: Engine, state: FaceState, hair: bool = False) -> bytes:
    """A zip file with the head as OBJ, its material and its texture; arguments and errors as of `glb`."""
    texture = engine.coloured(state, hair)[0]
    with tempfile.TemporaryDirectory() as folder:
        write_obj(Path(folder) / "head.obj", engine.vertices(state)[0], engine.head, texture)
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
    np.savez(file, **{name: value.cpu().numpy() for name, value in arrays.items()}, **engine.avatar.origin)
    return file.getvalue()


def png(
    engine: Engine,
    state: FaceState,
    settings: ViewSettings,
    camera: BrowserCamera,
    height: int = IMAGE_HEIGHT,
    transparent: bool = False,
) -> bytes:
    """The page's image without losses.

    Args:
        engine: renders.
        state, settings: what.
        camera: the tab's; the width follows from its canvas.
        height: pixels.
        transparent: without backdrop and shadow.

    Raises:
        ValueError: for a height out of range.
    """
    if not IMAGE_HEIGHTS[0] <= height <= IMAGE_HEIGHTS[1]:
        raise ValueError(f"height: expected {IMAGE_HEIGHTS[0]} to {IMAGE_HEIGHTS[1]} pixels, got {height}")
    size = height, min(max(round(height * camera.size[1] / camera.size[0]), 1), 2 * IMAGE_HEIGHTS[1])
    surfaces = shown_surfaces(engine, state, settings)
    file = io.BytesIO()
    image = (cut_out if transparent else render_view)(engine, surfaces, camera, size, supersample=2)
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()
