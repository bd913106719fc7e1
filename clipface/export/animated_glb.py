"""A moving textured head as a binary glTF file: morph targets, a skin and an animation."""

from pathlib import Path

import numpy as np
from torch import Tensor

from clipface.export.gltf import GltfShape, GltfTarget, head_document
from clipface.export.gltf_buffer import GltfBuffer, load_pygltflib
from clipface.export.head_sequence import (
    HeadSequence,
    MorphTarget,
    joint_translations,
    morph_targets,
    normal_offsets,
    quaternions,
    read_sequence,
    rest_joints,
)
from clipface.export.maps import Maps, head_maps
from clipface.export.surface import checked_path
from clipface.files import write_atomic
from clipface.head import HeadModel
from clipface.head.data import JOINTS


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
        texture: [3, H, W] in 0..1, row 0 at the top; one for all frames.
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
    path, maps = checked_path(path, ".glb"), head_maps(head, texture)
    if not 0 < rate < float("inf"):
        raise ValueError(f"rate: expected a positive number of frames a second, got {rate}")
    given = {"shape": shape, "expression": expression, "pose": pose, "neck_pose": neck_pose, "eye_pose": eye_pose}
    return write_atomic(path, _content(head, read_sequence(head, given), rate, maps))


def _content(head: HeadModel, sequence: HeadSequence, rate: float, maps: Maps) -> bytes:
    targets = morph_targets(head, sequence)
    normals = normal_offsets(head, sequence, head.faces.cpu().numpy(), targets)
    shown = [
        GltfTarget(target.name, target.offsets, normal, peak=abs(target.peak))
        for target, normal in zip(targets, normals, strict=True)
    ]
    shape = GltfShape(sequence.rest(head).numpy(), shown, rest_joints(head, sequence).numpy())
    document, buffer = head_document(head, maps, shape)
    _add_animation(document, buffer, head, sequence, targets, rate)
    return buffer.glb()


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
