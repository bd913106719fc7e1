"""Animated edits as images and files: a video, a strip of frames, textures, a head that moves, scores of frames."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from clipface.animation import Motion, load_motion
from clipface.edit.apply import Frames, animate, edit_importance
from clipface.edit.avatar import FRONT_SCALE, Avatar
from clipface.edit.loading import load_editor
from clipface.edit.mapper import Codes, FaceMapper
from clipface.edit.options import avatar_options, faces_config
from clipface.edit.persons.sources import subjects
from clipface.edit.video_mapper import VideoMapper
from clipface.evaluation.faces import IMAGE_SIZE
from clipface.evaluation.grid import grid, labelled_row, to_image
from clipface.evaluation.timing import synchronized_time
from clipface.export.animated_glb import write_animated_glb
from clipface.export.video import VideoWriter
from clipface.metrics.scores import Flicker
from clipface.render.camera_path import camera_path

STRIP = 7  # frames in a strip
VIEWS = ("before", "after", "geometry")


class Rendered(NamedTuple):
    """Some frames, and their images [T, 3, size, size] in 0..1."""

    frames: Frames
    before: Tensor
    after: Tensor
    geometry: Tensor


class Flickers(NamedTuple):
    """How much images change from frame to frame: of the unedited face in the same motion, and of the edited one."""

    before: Flicker
    after: Flicker

    @property
    def ratio(self) -> float:
        """How many times that of the unedited face; 1 where nothing moves."""
        return self.after.value / self.before.value if self.before.value else 1.0

    def watch(self, rendered: Iterable[Rendered]) -> Iterator[Rendered]:
        """Hand frames of one face through, and take them in."""
        for part in rendered:
            self.before.add(part.before)
            self.after.add(part.after)
            yield part


@torch.no_grad()
def render_animation(
    avatar: Avatar,
    frames: Iterable[Frames],
    camera: Tensor,
    size: int = IMAGE_SIZE,
    geometry: bool = True,
) -> Iterator[Rendered]:
    """Render frames as they come.

    Args:
        avatar: whose frames they are.
        frames: of `clipface.edit.apply`.
        camera: for each frame of the motion, [T, 4, 4].
        size: side of the images, pixels.
        geometry: whether the grey head is rendered too; else its images are those after the edit.
    """
    for part in frames:
        views = camera[part.numbers].to(part.vertices.device), size
        before = avatar.render(part.before, part.vertices_before, *views)
        after = avatar.render(part.after, part.vertices, *views)
        yield Rendered(part, before, after, avatar.render(None, part.vertices, *views) if geometry else after)


def write_animation(
    rendered: Iterable[Rendered],
    motion: Motion,
    video: Path,
    strip: Path,
    textures: Path | None = None,
) -> Flickers:
    """Write a video and a strip of frames, and each frame's texture if asked for, as the frames come.

    Args:
        rendered: of `render_animation`.
        motion: that is shown.
        video: file ending in .mp4.
        strip: file ending in .png.
        textures: folder for `NNNNN.png`, made if missing; None: no textures.

    Returns:
        How much the images before and after the edit change from frame to frame.
    """
    if textures is not None:
        textures.mkdir(parents=True, exist_ok=True)
    chosen = {round(i * (len(motion) - 1) / (STRIP - 1)) for i in range(STRIP)}
    columns, labels, flickers = [], [], Flickers(Flicker(), Flicker())
    with VideoWriter(video, motion.rate) as writer:
        for part in flickers.watch(rendered):
            images = part.before, part.after, part.geometry
            writer.write(labelled_row(images, VIEWS))
            for row, number in enumerate(part.frames.numbers.tolist()):
                if number in chosen:
                    columns.append([each[row].cpu().clone() for each in images])  # a view would keep them all
                    labels.append(f"{number / motion.rate:.1f} s, importance {part.frames.importance[row]:.2f}")
                if textures is not None:
                    texture = part.frames.after[row if len(part.frames.after) > 1 else 0]
                    to_image(texture).save(textures / f"{number:05d}.png")
    grid(list(zip(*columns, strict=True)), labels, VIEWS).save(strip)
    return flickers


@torch.no_grad()
def write_head(
    path: Path,
    avatar: Avatar,
    codes: Codes,
    motion: Motion,
    mapper: VideoMapper | FaceMapper | None,
    frame: int,
    strength: float = 1.0,
) -> Path:
    """Write a moving head, `path` ending in .glb, in the texture that it has in one frame."""
    shown = next(animate(avatar, codes, motion, mapper, strength, numbers=torch.tensor([frame])))
    edited = codes.moved(mapper.offsets(codes), strength) if isinstance(mapper, FaceMapper) else codes
    return write_animated_glb(
        path,
        avatar.head,
        shape=edited.shape,
        expression=edited.expression.cpu() + motion.expression,
        pose=motion.pose,
        neck_pose=motion.neck_pose,
        eye_pose=motion.eye_pose,
        rate=motion.rate,
        texture=shown.after[0],
    )


def animate_faces(options: argparse.Namespace) -> None:
    """Animate faces one by one, write them, and print how fast.

    Args:
        options: of scripts/animate.py.

    Raises:
        ValueError: if neither they nor the mapper's run name a sequence.
    """
    mappers, folder, strength = [options.mapper] if options.mapper else [], options.output, options.strength
    editor = load_editor(mappers, **avatar_options(options), animated=True)
    avatar, mapper, count = editor.avatar, next(iter(editor.mappers), None), 0
    source = options.sequence or editor.notes.get("sequence")
    if not source:
        raise ValueError("sequence: expected one, got none; use --sequence laugh, or the path of a file")
    motion = load_motion(source, avatar.head, options.rate)
    device = avatar.head.v_template.device
    cameras = camera_path(options.camera, len(motion), scale=FRONT_SCALE)
    folder.mkdir(parents=True, exist_ok=True)
    started = synchronized_time(device)
    faces = faces_config(options, options.latents)
    for count, (codes, *_) in enumerate(subjects(faces, avatar, editor.psi, 1), 1):
        path = folder / f"{count - 1:04d}"
        frames = animate(avatar, codes, motion, mapper, strength, options.window)
        rendered = render_animation(avatar, frames, cameras, options.size)
        video, strip = path.with_suffix(".mp4"), path.with_suffix(".png")
        write_animation(rendered, motion, video, strip, path if options.textures else None)
        if options.glb:
            strongest = int(edit_importance(motion, mapper).argmax())
            write_head(path.with_suffix(".glb"), avatar, codes, motion, mapper, strongest, strength)
    rate = count * len(motion) / (synchronized_time(device) - started)
    print(f"{count} faces x {len(motion)} frames on {device}: {rate:.1f} frames/s")
    more = [name for name, asked in (("textures", options.textures), ("heads that move", options.glb)) if asked]
    print(f"Written to {folder}: {', '.join(['a video and a strip of frames for each', *more])}")
