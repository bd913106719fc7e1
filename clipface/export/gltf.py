"""A head as a glTF document: primitives by part, textures, morph targets and, for a posable head, skin and joints."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from clipface.export.gltf_buffer import INDICES, VERTICES, GltfBuffer, load_pygltflib
from clipface.export.maps import EYE_ROUGHNESS, MOUTH_ROUGHNESS, Maps
from clipface.export.parts import SKIN, Corners, head_parts, split_corners, tangents
from clipface.export.surface import png, vertex_normals
from clipface.head import HeadModel
from clipface.head.data import JOINTS

MOST_JOINTS = 4  # of one vertex, in one glTF attribute; most viewers read no second one
SMALLEST_OFFSET = 1e-7  # metres at a target's peak; less is not stored
SMALLEST_NORMAL = 1e-3  # change of a unit normal at a target's peak, 0.06 degrees; less is not stored
NO_TURN = [0.0, 0.0, 0.0, 1.0]


class GltfTarget(NamedTuple):
    """A morph target: what is added to vertices and normals at weight 1."""

    name: str
    offsets: np.ndarray  # [V, 3] metres
    normals: np.ndarray  # [V, 3]
    weight: float = 0.0  # that the file opens with
    peak: float = 1.0  # largest weight that it is meant for


class GltfShape(NamedTuple):
    """What a head's mesh is made of.

    Args:
        base: [V, 3] metres; vertices without any target.
        targets: morph targets.
        joints: [J, 3] metres; where the skin is bound and the joints stand. None: no skin.
        turns: [J, 4] quaternions x y z w that the joints open with; None: none.
        extras: of the mesh, beside `targetNames`.
        compact: store targets sparse (`GltfBuffer.add_offsets`).
    """

    base: np.ndarray
    targets: Sequence[GltfTarget] = ()
    joints: np.ndarray | None = None
    turns: np.ndarray | None = None
    extras: dict | None = None
    compact: bool = False


def head_document(head: HeadModel, maps: Maps, shape: GltfShape) -> tuple[object, GltfBuffer]:
    """Start a document that shows a head; `buffer.glb()` is the file.

    Args:
        head: its triangles, texture coordinates, regions, skinning weights and joints.
        maps: its colours, relief and roughness.
        shape: its vertices, and how they move.

    Returns:
        The pygltflib document and its buffer. With a skin, nodes 0 to J - 1 are the joints in the order of `JOINTS`;
        the last node is the mesh, whose primitives are the parts of `head_parts`.

    Raises:
        ValueError: if the head has no texture coordinates.
    """
    gltf = load_pygltflib()
    document = gltf.GLTF2(asset=gltf.Asset(generator="clipface"))
    buffer = GltfBuffer(document)
    parts = head_parts(head)
    _add_mesh(document, buffer, head, parts, shape)
    _add_materials(document, buffer, list(parts), maps)
    mesh = gltf.Node(mesh=0, name="head")
    roots = [0]
    if shape.joints is not None:
        _add_skeleton(document, buffer, head, shape.joints, shape.turns)
        mesh.skin = 0
        roots.append(len(shape.joints))
    document.nodes.append(mesh)
    document.scenes, document.scene = [gltf.Scene(nodes=roots)], 0
    return document, buffer


def _add_mesh(
    document: object, buffer: GltfBuffer, head: HeadModel, parts: dict[str, np.ndarray], shape: GltfShape
) -> None:
    gltf = load_pygltflib()
    corners, normals = split_corners(head), vertex_normals(shape.base, head.faces.cpu().numpy())
    skinned = {}
    if shape.joints is not None:
        joints, shares = strongest_joints(head.weights.double().cpu().numpy())
        skinned = {"JOINTS_0": joints.astype("u1"), "WEIGHTS_0": shares.astype("<f4")}
    of_vertices = {"POSITION": shape.base.astype("<f4"), "NORMAL": normals.astype("<f4"), **skinned}
    primitives = []
    for number, (name, numbers) in enumerate(parts.items()):
        part = corners.part(numbers)
        attributes = {kind: values[part.of_vertex] for kind, values in of_vertices.items()}
        attributes["TEXCOORD_0"] = (part.uv * [1, -1] + [0, 1]).astype("<f4")  # glTF counts v downwards
        if name == SKIN:  # the only part with a relief
            attributes["TANGENT"] = tangents(part, shape.base, normals).astype("<f4")
        indices = {
            kind: buffer.add(np.ascontiguousarray(values), VERTICES, bounds=kind == "POSITION")
            for kind, values in attributes.items()
        }
        targets = [gltf.Attributes(**_target(buffer, target, part, shape.compact)) for target in shape.targets]
        primitive = gltf.Primitive(attributes=gltf.Attributes(**indices), material=number, targets=targets)
        primitive.indices = buffer.add(np.ascontiguousarray(part.faces.ravel(), "<u4"), INDICES)
        primitives.append(primitive)
    names = {"targetNames": [target.name for target in shape.targets]} if shape.targets else {}
    weights = [float(target.weight) for target in shape.targets]
    extras = names | (shape.extras or {})
    document.meshes = [gltf.Mesh(extras=extras, primitives=primitives, weights=weights, name="head")]


def _target(buffer: GltfBuffer, target: GltfTarget, part: Corners, compact: bool) -> dict[str, int]:
    offsets, normals = (array[part.of_vertex].astype("<f4") for array in (target.offsets, target.normals))
    return {
        "POSITION": buffer.add_offsets(offsets, SMALLEST_OFFSET / target.peak, bounds=True, compact=compact),
        "NORMAL": buffer.add_offsets(normals, SMALLEST_NORMAL / target.peak, compact=compact),
    }


def strongest_joints(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The joints [V, 4] that move each vertex most, and their shares [V, 4], which sum to one."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :MOST_JOINTS]
    shares = np.take_along_axis(weights, joints, axis=1).clip(0)  # rounding of a head's file may leave -0.001
    shares = shares / shares.sum(axis=1, keepdims=True)
    return np.where(shares > 0, joints, 0), shares


def _add_materials(document: object, buffer: GltfBuffer, parts: list[str], maps: Maps) -> None:
    gltf = load_pygltflib()
    contents = [png(image) for image in (maps.colour, maps.normal, maps.roughness)]
    document.images = [gltf.Image(mimeType="image/png", bufferView=buffer.add_bytes(content)) for content in contents]
    document.textures = [gltf.Texture(source=number) for number in range(len(contents))]
    for name in parts:
        surface = gltf.PbrMetallicRoughness(baseColorTexture=gltf.TextureInfo(index=0), metallicFactor=0.0)
        material = gltf.Material(pbrMetallicRoughness=surface, name=name)
        if name == SKIN:
            material.normalTexture = gltf.NormalMaterialTexture(index=1)
            surface.metallicRoughnessTexture = gltf.TextureInfo(index=2)
        else:
            surface.roughnessFactor = {"eyes": EYE_ROUGHNESS, "mouth": MOUTH_ROUGHNESS}[name]
        document.materials.append(material)


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
