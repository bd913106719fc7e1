"""A moving textured head as a binary glTF file: morph targets, a skin and an animation."""

import io
import os
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from clipface.export.glb import glb_path, texture_picture
from clipface.export.gltf_buffer import INDICES, VERTICES, GltfBuffer, load_pygltflib
from clipface.export.head_sequence import HeadSequence, joint_translations, quaternions, read_sequence, rest_joints
from clipface.export.morph_targets import MorphTarget, morph_targets, normal_offsets, vertex_normals
from clipface.head import HeadModel
from clipface.head.data import JOINTS
from clipface.head.mesh import split_seams

MOST_JOINTS = 4  # of one vertex, in one glTF attribute; most viewers read no second one
SMALLEST_OFFSET = 1e-7  # metres at a target's peak; less is not stored
SMALLEST_NORMAL = 1e-3  # change of a unit normal at a target's peak, 0.06 degrees; less is not stored


def write_animated_glb(
    path: str | Path,
    head: HeadModel,
    *,
    rate: float,
    texture: Tensor,
    shape: Tensor | None = None,
    expression: Tensor | None = None,
    pose: Tensor | None = None,
    neck_pose: Tensor | None = None,
    eye_pose: Tensor | None = None,
) -> Path:
    """Write one person's sequence as a GLB that viewers and editing programs play, with the texture inside.

    Expression slots that the sequence uses are morph targets under the head's names for them; its pose correctives
    are a few more (`pose_corrective_0`, ...). The five joints turn by quaternions, and shift a little, because they
    follow the expression. At frames, vertices are those of `head(...)`, where at most four joints move one (of five,
    the weakest is left out), and normals are near theirs; between frames all is interpolated linearly. While nothing
    plays, the head is at rest.

    Args:
        path: file ending in `.glb`; its folder is made if missing.
        head: the head the parameters belong to.
        rate: frames a second.
        texture: [3, H, W] in 0..1, row 0 at the top; one for the whole sequence.
        shape: [1, <= n_shape], one person's identity.
        expression, pose, neck_pose, eye_pose: [T, ...] or, for what does not change, [1, ...], as in
            `HeadModel.forward`. One left out is zero.

    Returns:
        The path. Units metres, y up, facing z.

    Raises:
        ImportError: if pygltflib is missing; says how to install it.
        ValueError: for another ending, shapes that do not fit, numbers that are not finite, a rate that is not
            positive, or a head without texture coordinates.
    """
    path, picture = glb_path(path), texture_picture(texture)
    if not 0 < rate < float("inf"):
        raise ValueError(f"rate: a positive number of frames a second is wanted, {rate} was given")
    given = {"shape": shape, "expression": expression, "pose": pose, "neck_pose": neck_pose, "eye_pose": eye_pose}
    content = _content(head, read_sequence(head, given), rate, picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")  # a reader must never meet half a file
    partial.write_bytes(content)
    os.replace(partial, path)
    return path


def _content(head: HeadModel, sequence: HeadSequence, rate: float, picture: Image.Image) -> bytes:
    gltf = load_pygltflib()
    document = gltf.GLTF2(asset=gltf.Asset(generator="clipface"))
    buffer = GltfBuffer(document)
    targets = morph_targets(head, sequence)
    _add_mesh(document, buffer, head, sequence, targets)
    _add_material(document, buffer, picture)
    _add_skeleton(document, buffer, head, rest_joints(head, sequence).numpy())
    _add_animation(document, buffer, head, sequence, targets, rate)
    return buffer.glb()


def _add_mesh(
    document: object, buffer: GltfBuffer, head: HeadModel, sequence: HeadSequence, targets: list[MorphTarget]
) -> None:
    gltf = load_pygltflib()
    faces, base = head.faces.cpu().numpy(), sequence.rest(head).numpy()
    of_vertex, of_uv, split_faces = split_seams(faces, head.uv_faces.cpu().numpy())
    uv = head.uv.double().cpu().numpy()[of_uv] * [1, -1] + [0, 1]  # glTF counts v downwards
    joints, weights = _strongest_joints(head.weights.double().cpu().numpy())

    def vertices(array: np.ndarray, kind: str = "<f4", bounds: bool = False) -> int:
        return buffer.add(np.ascontiguousarray(array, kind), VERTICES, bounds)

    attributes = gltf.Attributes(
        POSITION=vertices(base[of_vertex], bounds=True),
        NORMAL=vertices(vertex_normals(base, faces)[of_vertex]),
        TEXCOORD_0=vertices(uv),
        JOINTS_0=vertices(joints[of_vertex], "u1"),
        WEIGHTS_0=vertices(weights[of_vertex]),
    )
    shapes = []
    for target, normals in zip(targets, normal_offsets(head, sequence, faces, targets), strict=True):
        peak = abs(target.peak)
        place = buffer.add_sparse(target.offsets[of_vertex].astype("<f4"), SMALLEST_OFFSET / peak, bounds=True)
        slope = buffer.add_sparse(normals[of_vertex].astype("<f4"), SMALLEST_NORMAL / peak)
        shapes.append(gltf.Attributes(POSITION=place, NORMAL=slope))
    indices = buffer.add(np.ascontiguousarray(split_faces.ravel(), "<u4"), INDICES)
    primitive = gltf.Primitive(attributes=attributes, indices=indices, material=0, targets=shapes)
    names = [target.name for target in targets]
    extras = {"targetNames": names} if names else {}
    document.meshes = [gltf.Mesh(extras=extras, primitives=[primitive], weights=[0.0] * len(names), name="head")]


def _strongest_joints(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The joints [V, 4] that move each vertex most, and their shares [V, 4], which sum to one."""
    joints = np.argsort(-weights, axis=1, kind="stable")[:, :MOST_JOINTS]
    shares = np.take_along_axis(weights, joints, axis=1)
    shares = shares / shares.sum(axis=1, keepdims=True)
    return np.where(shares > 0, joints, 0), shares


def _add_material(document: object, buffer: GltfBuffer, picture: Image.Image) -> None:
    gltf = load_pygltflib()
    png = io.BytesIO()
    picture.save(png, format="PNG")
    document.images = [gltf.Image(mimeType="image/png", bufferView=buffer.add_bytes(png.getvalue()))]
    document.textures = [gltf.Texture(source=0)]
    surface = gltf.PbrMetallicRoughness(
        baseColorTexture=gltf.TextureInfo(index=0), metallicFactor=0.0, roughnessFactor=0.8
    )
    document.materials = [gltf.Material(pbrMetallicRoughness=surface, name="head")]


def _add_skeleton(document: object, buffer: GltfBuffer, head: HeadModel, joints: np.ndarray) -> None:
    """Nodes 0 to 4 are the joints, at rest; the last node is the skinned mesh."""
    gltf = load_pygltflib()
    inverse = np.tile(np.eye(4, dtype="<f4"), (len(joints), 1, 1))
    inverse[:, 3, :3] = -joints  # column by column, so the shift is the last row
    for joint, parent in enumerate(head.parents):
        place = joints[joint] - (joints[parent] if parent >= 0 else 0)
        children = [child for child, other in enumerate(head.parents) if other == joint]
        document.nodes.append(gltf.Node(translation=place.tolist(), children=children, name=JOINTS[joint]))
    binding, all_joints = buffer.add(inverse), list(range(len(joints)))
    document.skins = [gltf.Skin(inverseBindMatrices=binding, skeleton=0, joints=all_joints, name="head")]
    document.nodes.append(gltf.Node(mesh=0, skin=0, name="head"))
    document.scenes = [gltf.Scene(nodes=[0, len(joints)])]
    document.scene = 0


def _add_animation(
    document: object,
    buffer: GltfBuffer,
    head: HeadModel,
    sequence: HeadSequence,
    targets: list[MorphTarget],
    rate: float,
) -> None:
    gltf = load_pygltflib()
    turns, places = quaternions(sequence.rotations).numpy(), joint_translations(head, sequence).numpy()
    moves = [(joint, "rotation", turns[:, joint]) for joint in range(len(JOINTS))]
    moves += [(joint, "translation", places[:, joint]) for joint in range(len(JOINTS))]
    if targets:  # frame after frame, in each the weights of all targets
        moves.append((len(JOINTS), "weights", np.stack([target.weights for target in targets], 1).ravel()))
    times = buffer.add((np.arange(len(turns)) / rate).astype("<f4"), bounds=True)
    animation = gltf.Animation(name="sequence")
    for node, what, values in moves:
        keys = buffer.add(np.ascontiguousarray(values, "<f4"))
        target = gltf.AnimationChannelTarget(node=node, path=what)
        animation.channels.append(gltf.AnimationChannel(sampler=len(animation.samplers), target=target))
        animation.samplers.append(gltf.AnimationSampler(input=times, output=keys))
    document.animations = [animation]
