"""A head as a glTF document: mesh, texture, morph targets and, for a posable head, the skin with its joints."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from clipface.export.gltf_buffer import INDICES, VERTICES, GltfBuffer, load_pygltflib
from clipface.export.surface import png, vertex_normals
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.mesh import split_seams

MOST_JOINTS = 4  # of one vertex, in one glTF attribute; most viewers read no second one
SMALLEST_OFFSET = 1e-7  # metres at a target's peak; less is not stored
SMALLEST_NORMAL = 1e-3  # change of a unit normal at a target's peak, 0.06 degrees; less is not stored
ROUGHNESS = 0.8  # of the material: skin hardly shines
NO_TURN = [0.0, 0.0, 0.0, 1.0]


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
