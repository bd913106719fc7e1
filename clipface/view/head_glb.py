"""A head as the browser gets it: first a small glTF file, then its arrays alone as they change."""

import io
import json
import struct

import numpy as np
from PIL import Image
from torch import Tensor

from clipface.head import HeadModel
from clipface.head.mesh import split_seams
from clipface.view.tone import HEADROOM, before_tone_mapping

JPEG_QUALITY = 94
DISPLAY_GAMMA = 2.2  # light multiplies displayed colours; vertex colours multiply linear ones
_FLOAT, _SHORT, _INT = 5126, 5123, 5125  # glTF component types
_MOST_SHORT = 2**16 - 1


class HeadGlb:
    """Writes GLB files of one head; what never changes (indices, texture coordinates) is kept as bytes.

    The material is unlit, since viser lights glTF files with normals that show the texture's seams as creases: light is
    in the vertices' colours instead (`clipface.view.lights`).
    """

    def __init__(self, head: HeadModel) -> None:
        """Args: head: with texture coordinates."""
        self._of_vertex, of_uv, faces = split_seams(head.faces.cpu().numpy(), head.uv_faces.cpu().numpy())
        uv = head.uv.cpu().numpy()[of_uv] * [1, -1] + [0, 1]  # glTF counts v downwards
        self._uv = uv.astype("<f4").tobytes()
        short = len(self._of_vertex) <= _MOST_SHORT
        self._indices, self._corners = faces.astype("<u2" if short else "<u4").tobytes(), faces.size
        self._index_type = _SHORT if short else _INT

    def jpeg(self, texture: Tensor) -> bytes:
        """Encode a texture [3, R, R] in 0..1 for `write`, in colours that survive the browser's tone mapping."""
        levels = (texture.detach().cpu() * 255).round().byte().permute(1, 2, 0).numpy()
        file = io.BytesIO()
        Image.fromarray(before_tone_mapping(levels)).save(file, "JPEG", quality=JPEG_QUALITY, subsampling=0)
        return file.getvalue()

    def positions(self, vertices: Tensor) -> np.ndarray:
        """Vertices [V, 3] as the file has them: [N, 3] float32, those on seams of the texture twice."""
        return vertices.detach().cpu().numpy()[self._of_vertex].astype("<f4")

    def colours(self, light: Tensor | None) -> np.ndarray:
        """Factors of displayed colours [V, 3] (None: 1) as the file has them: [N, 3] float32, of linear colours."""
        if light is None:
            return np.full((len(self._of_vertex), 3), HEADROOM, "<f4")
        return (HEADROOM * light.detach().cpu().numpy()[self._of_vertex] ** DISPLAY_GAMMA).astype("<f4")

    def write(self, name: str, positions: np.ndarray, colours: np.ndarray, jpeg: bytes) -> bytes:
        """Put a file together.

        Args:
            name: of the mesh.
            positions, colours, jpeg: from `positions`, `colours` and `jpeg`.

        Returns:
            A binary glTF file.
        """
        count = len(positions)
        parts = [positions.tobytes(), self._uv, colours.tobytes(), self._indices, jpeg]
        views, content = [], bytearray()
        for part in parts:
            views.append({"buffer": 0, "byteOffset": len(content), "byteLength": len(part)})
            content += part + bytes(-len(part) % 4)
        vector = {"componentType": _FLOAT, "count": count, "type": "VEC3"}
        bounds = {"min": positions.min(0).tolist(), "max": positions.max(0).tolist()}
        accessors = [
            {"bufferView": 0, **vector, **bounds},
            {"bufferView": 1, "componentType": _FLOAT, "count": count, "type": "VEC2"},
            {"bufferView": 2, **vector},
            {"bufferView": 3, "componentType": self._index_type, "count": self._corners, "type": "SCALAR"},
        ]
        arrays = {"bufferViews": views, "accessors": accessors, "buffers": [{"byteLength": len(content)}]}
        return _pack({"nodes": [{"mesh": 0, "name": name}], **arrays}, content)


def _pack(arrays: dict, content: bytearray) -> bytes:
    attributes = {"POSITION": 0, "TEXCOORD_0": 1, "COLOR_0": 2}
    surface = {"baseColorTexture": {"index": 0}, "metallicFactor": 0}
    document = {
        "asset": {"version": "2.0", "generator": "clipface"},
        "extensionsUsed": ["KHR_materials_unlit"],
        **arrays,
        "images": [{"bufferView": 4, "mimeType": "image/jpeg"}],
        "textures": [{"source": 0}],
        "materials": [{"extensions": {"KHR_materials_unlit": {}}, "pbrMetallicRoughness": surface}],
        "meshes": [{"primitives": [{"attributes": attributes, "indices": 3, "material": 0}]}],
        "scenes": [{"nodes": [0]}],
        "scene": 0,
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    size = 12 + 8 + len(text) + 8 + len(content)
    chunks = struct.pack("<I4s", len(text), b"JSON") + text + struct.pack("<I4s", len(content), b"BIN\0") + content
    return struct.pack("<4sII", b"glTF", 2, size) + chunks
