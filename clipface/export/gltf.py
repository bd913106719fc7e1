"""A head as a glTF document: mesh, texture, morph targets and, for a posable head, the skin with its joints."""

from collections.abc import Sequence
from types import ModuleType
from typing import NamedTuple

import numpy as np
from PIL import Image

from clipface.export.surface import png, vertex_normals
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.mesh import split_seams
from clipface.startup import need

COMPONENTS = {np.dtype("u1"): 5121, np.dtype("<u2"): 5123, np.dtype("<u4"): 5125, np.dtype("<f4"): 5126}
TYPES = {(): "SCALAR", (2,): "VEC2", (3,): "VEC3", (4,): "VEC4", (4, 4): "MAT4"}
ALIGNMENT = 4  # every accessor starts at a multiple of its component's size; 4 fits all of ours
MOST_SHORT = 2**16 - 1
VERTICES, INDICES = 34962, 34963  # ARRAY_BUFFER, ELEMENT_ARRAY_BUFFER
MOST_JOINTS = 4  # of one vertex, in one glTF attribute; most viewers read no second one
SMALLEST_OFFSET = 1e-7  # metres at a target's peak; less is not stored
SMALLEST_NORMAL = 1e-3  # change of a unit normal at a target's peak, 0.06 degrees; less is not stored
ROUGHNESS = 0.8  # of the material: skin hardly shines
NO_TURN = [0.0, 0.0, 0.0, 1.0]


class GltfBuffer:
    """Collects arrays for a pygltflib document, whose accessors and buffer views it appends to.

    Source: Khronos Group, "glTF 2.0 specification", sections 3.6 (buffers, accessors) and 3.6.2.3 (sparse accessors).
    """

    def __init__(self, document: object) -> None:
        self._document, self._content = document, bytearray()

    def add(self, array: np.ndarray, target: int | None = None, bounds: bool = False) -> int:
        """Append an array, one element a row, and return its accessor's index.

        Args:
            array: [N, ...] of a component type and an element shape that glTF knows; matrices column by column.
            target: `VERTICES` or `INDICES` for what a graphics card reads as such.
            bounds: whether to note the least and largest elements, which glTF wants for positions and times.
        """
        accessor = self._accessor(array, bounds)
        accessor.bufferView = self.add_bytes(array.tobytes(), target)
        return self._append(accessor)

    def add_sparse(self, array: np.ndarray, smallest: float, bounds: bool = False) -> int:
        """Append offsets of vertices of which most are zero: only rows longer than `smallest` are stored.

        Args:
            array: [N, 3] float32.
            smallest: rows up to this length become zero.
            bounds: as in `add`.
        """
        rows = np.flatnonzero(np.linalg.norm(array, axis=1) > smallest)
        if not len(rows):
            rows = np.zeros(1, np.int64)  # glTF wants at least one
        kept = np.zeros_like(array)
        kept[rows] = array[rows]
        rows = rows.astype("<u2" if len(array) <= MOST_SHORT else "<u4")
        if len(rows) * (rows.itemsize + array[0].nbytes) >= array.nbytes:
            return self.add(array, VERTICES, bounds)
        gltf = load_pygltflib()
        accessor = self._accessor(kept, bounds)
        accessor.byteOffset = None  # belongs to the dense array, of which there is none
        indices = gltf.AccessorSparseIndices(
            bufferView=self.add_bytes(rows.tobytes()), componentType=COMPONENTS[rows.dtype]
        )
        values = gltf.AccessorSparseValues(bufferView=self.add_bytes(kept[rows].tobytes()))
        accessor.sparse = gltf.Sparse(count=len(rows), indices=indices, values=values)
        return self._append(accessor)

    def add_bytes(self, content: bytes, target: int | None = None) -> int:
        """Append bytes as they are and return their buffer view's index."""
        self._content += bytes(-len(self._content) % ALIGNMENT)
        view = {"buffer": 0, "byteOffset": len(self._content), "byteLength": len(content), "target": target}
        self._content += content
        self._document.bufferViews.append(load_pygltflib().BufferView(**view))
        return len(self._document.bufferViews) - 1

    def glb(self) -> bytes:
        """The complete file: the document's JSON and the collected bytes."""
        self._document.buffers = [load_pygltflib().Buffer(byteLength=len(self._content))]
        self._document.set_binary_blob(bytes(self._content))
        return b"".join(self._document.save_to_bytes())

    def _accessor(self, array: np.ndarray, bounds: bool) -> object:
        kind = TYPES[array.shape[1:]]
        accessor = load_pygltflib().Accessor(componentType=COMPONENTS[array.dtype], count=len(array), type=kind)
        if bounds:
            accessor.min, accessor.max = (np.atleast_1d(edge).tolist() for edge in (array.min(0), array.max(0)))
        return accessor

    def _append(self, accessor: object) -> int:
        self._document.accessors.append(accessor)
        return len(self._document.accessors) - 1


def load_pygltflib() -> ModuleType:
    """Import pygltflib.

    Raises:
        ImportError: if it is missing; says how to install it.
    """
    return need("pygltflib", "GLB files need the package pygltflib: pip install pygltflib")


class GltfTarget(NamedTuple):
    """A morph target: what is added to vertices and normals at weight 1."""

    name: str
    offsets: np.ndarray  # [V, 3] metres
    normals: np.ndarray  # [V, 3]
    weight: float = 0.0  # that the file opens with
    peak: float = 1.0  # largest weight that it is meant for


def head_document(
    head: HeadModel,
    base: np.ndarray,
    image: Image.Image,
    targets: Sequence[GltfTarget] = (),
    joints: np.ndarray | None = None,
    turns: np.ndarray | None = None,
    extras: dict | None = None,
) -> tuple[object, GltfBuffer]:
    """Start a document that shows a head; `buffer.glb()` is the file.

    Args:
        head: its triangles, texture coordinates, skinning weights and joints.
        base: [V, 3] metres; vertices without any target.
        image: the texture, row 0 at the top.
        targets: morph targets.
        joints: [J, 3] metres; where the skin is bound and the joints stand. None: no skin.
        turns: [J, 4] quaternions x y z w that the joints open with; None: none.
        extras: of the mesh, beside `targetNames`.

    Returns:
        The pygltflib document and its buffer. With a skin, nodes 0 to J - 1 are the joints in the order of `JOINTS`;
        the last node is the mesh.

    Raises:
        ValueError: if the head has no texture coordinates.
    """
    gltf = load_pygltflib()
    document = gltf.GLTF2(asset=gltf.Asset(generator="clipface"))
    buffer = GltfBuffer(document)
    _add_mesh(document, buffer, head, base, targets, joints is not None, extras or {})
    _add_material(document, buffer, image)
    mesh = gltf.Node(mesh=0, name="head")
    roots = [0]
    if joints is not None:
        _add_skeleton(document, buffer, head, joints, turns)
        mesh.skin = 0
        roots.append(len(joints))
    document.nodes.append(mesh)
    document.scenes, document.scene = [gltf.Scene(nodes=roots)], 0
    return document, buffer


def _add_mesh(
    document: object,
    buffer: GltfBuffer,
    head: HeadModel,
    base: np.ndarray,
    targets: Sequence[GltfTarget],
    skinned: bool,
    extras: dict,
) -> None:
    gltf = load_pygltflib()
    faces = head.faces.cpu().numpy()
    of_vertex, of_uv, split_faces = split_seams(faces, head.uv_faces.cpu().numpy())
    uv = head.uv.double().cpu().numpy()[of_uv] * [1, -1] + [0, 1]  # glTF counts v downwards

    def vertices(array: np.ndarray, kind: str = "<f4", bounds: bool = False) -> int:
        return buffer.add(np.ascontiguousarray(array, kind), VERTICES, bounds)

    attributes = gltf.Attributes(
        POSITION=vertices(base[of_vertex], bounds=True),
        NORMAL=vertices(vertex_normals(base, faces)[of_vertex]),
        TEXCOORD_0=vertices(uv),
    )
    if skinned:
        joints, weights = _strongest_joints(head.weights.double().cpu().numpy())
        attributes.JOINTS_0 = vertices(joints[of_vertex], "u1")
        attributes.WEIGHTS_0 = vertices(weights[of_vertex])
    shapes = []
    for target in targets:
        place = target.offsets[of_vertex].astype("<f4"), SMALLEST_OFFSET / target.peak
        slope = target.normals[of_vertex].astype("<f4"), SMALLEST_NORMAL / target.peak
        shapes.append(
            gltf.Attributes(POSITION=buffer.add_sparse(*place, bounds=True), NORMAL=buffer.add_sparse(*slope))
        )
    primitive = gltf.Primitive(attributes=attributes, material=0, targets=shapes)
    primitive.indices = buffer.add(np.ascontiguousarray(split_faces.ravel(), "<u4"), INDICES)
    names = {"targetNames": [target.name for target in targets]} if targets else {}
    weights = [float(target.weight) for target in targets]
    document.meshes = [gltf.Mesh(extras=names | extras, primitives=[primitive], weights=weights, name="head")]


def _strongest_joints(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The joints [V, 4] that move each vertex most, and their shares [V, 4], which sum to one."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :MOST_JOINTS]
    shares = np.take_along_axis(weights, joints, axis=1).clip(0)  # rounding of a head's file may leave -0.001
    shares = shares / shares.sum(axis=1, keepdims=True)
    return np.where(shares > 0, joints, 0), shares


def _add_material(document: object, buffer: GltfBuffer, image: Image.Image) -> None:
    gltf = load_pygltflib()
    document.images = [gltf.Image(mimeType="image/png", bufferView=buffer.add_bytes(png(image)))]
    document.textures = [gltf.Texture(source=0)]
    surface = gltf.PbrMetallicRoughness(
        baseColorTexture=gltf.TextureInfo(index=0), metallicFactor=0.0, roughnessFactor=ROUGHNESS
    )
    document.materials = [gltf.Material(pbrMetallicRoughness=surface, name="head")]


def _add_skeleton(
    document: object, buffer: GltfBuffer, head: HeadModel, joints: np.ndarray, turns: np.ndarray | None
) -> None:
    gltf = load_pygltflib()
    inverse = np.tile(np.eye(4, dtype="<f4"), (len(joints), 1, 1))
    inverse[:, 3, :3] = -joints  # column by column, so the shift is the last row
    for joint, parent in enumerate(head.parents):
        place = joints[joint] - (joints[parent] if parent >= 0 else 0)
        turn = NO_TURN if turns is None else turns[joint].tolist()
        children = [child for child, other in enumerate(head.parents) if other == joint]
        node = gltf.Node(translation=place.tolist(), rotation=turn, children=children, name=JOINTS[joint])
        document.nodes.append(node)
    binding, all_joints = buffer.add(inverse), list(range(len(joints)))
    document.skins = [gltf.Skin(inverseBindMatrices=binding, skeleton=0, joints=all_joints, name="head")]
