"""Animate faces with trained mappers, without training again.

python scripts/animate.py --mapper runs/angry --sequence laugh --latents 0:4 --output animated
python scripts/animate.py --mapper runs/zombie --sequence talking --latents 3:4 --camera turntable --glb --output turned
python scripts/animate.py --mapper runs/angry --sequence capture.csv --latents my_codes.pt --textures --output animated
python scripts/animate.py --sequence laugh --latents 0:1 --output unedited

A mapper is a run of trainer.video_mapper, of trainer.mapper (the same edit in every frame), or a file of the authors.
Writes for each face `NNNN.mp4` (before, after, geometry) and `NNNN.png` (a strip of frames), with --textures a folder
`NNNN` with the texture of each frame, with --glb a head that moves, `NNNN.glb`. Frames are made and written some at a
time, so memory does not grow with the sequence.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from clipface import startup  # isort: skip

startup.prepare()

import torch

from clipface.animation import load_motion
from clipface.edit.animate import WINDOW, animate, edit_importance
from clipface.edit.avatar import FRONT_SCALE
from clipface.edit.files import latents, mapper_notes, read_any_mapper
from clipface.edit.loading import load_avatar
from clipface.evaluation.animation import PICTURE_SIZE, render_animation, write_animation, write_head
from clipface.evaluation.timing import synchronized_time
from clipface.render.camera_path import PATHS, camera_path
from clipface.settings import HeadConfig, RendererConfig

PSI = 0.7  # of drawn faces where no mapper's run says


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--mapper", type=Path, help="a run, or a file of a mapper (the authors' too); left out: faces as they are")
    add("--sequence", help="name of a shipped one, file or folder (left out: that of the mapper's run)")
    add("--rate", type=float, help="frames per second (left out: the sequence's own)")
    add("--strength", type=float, default=1.0, help="1 the trained edit; negative: the opposite")
    add("--latents", required=True, help="codes as .pt, .npz, .safetensors, or seeds to draw faces from: 0:8 is 0 to 7")
    add("--psi", type=float, help="truncation of drawn faces, 0..1 (left out: that of the mapper's run)")
    add("--output", type=Path, required=True, help="folder to write into")
    add("--camera", default="front", choices=PATHS, help="where it is seen from")
    add("--textures", action="store_true", help="write the texture of each frame too")
    add("--glb", action="store_true", help="write heads that move too, in the texture of the strongest frame")
    add("--size", type=int, default=PICTURE_SIZE, help="side of each image, pixels")
    add("--window", type=int, default=WINDOW, help="frames in memory together")
    add("--generator", help="weights of the generator, the authors' too (left out: that of the mapper's run)")
    add("--head", choices=("open", "flame"), help="left out: that of the mapper's run")
    add("--renderer", default="warp", choices=("warp", "nvdiffrast"))
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Animate and write."""
    options = parse(arguments)
    notes = mapper_notes(options.mapper) if options.mapper else {}
    head = HeadConfig(options.head) if options.head else HeadConfig(**notes.get("head", {}))
    generator = options.generator or notes.get("generator")
    avatar = load_avatar(generator, head, RendererConfig(options.renderer)).to(options.device)
    mapper = None
    if options.mapper:
        mapper = read_any_mapper(options.mapper, avatar.generator.levels)[0].to(options.device)
    source = options.sequence or notes.get("sequence")
    if not source:
        raise ValueError("sequence: expected one, got none; use --sequence laugh, or the path of a file")
    motion = load_motion(source, avatar.head, options.rate)
    psi = options.psi if options.psi is not None else notes.get("psi", PSI)
    codes = latents(options.latents, avatar, psi)
    camera = camera_path(options.camera, len(motion), scale=FRONT_SCALE)
    options.output.mkdir(parents=True, exist_ok=True)
    started = synchronized_time(torch.device(options.device))
    for number in range(len(codes.shape)):
        one, name = codes.rows(slice(number, number + 1)), f"{number:04d}"
        textures = options.output / name if options.textures else None
        frames = animate(avatar, one, motion, mapper, options.strength, options.window)
        write_animation(
            render_animation(avatar, frames, camera, options.size),
            motion, options.output / f"{name}.mp4", options.output / f"{name}.png", textures,
        )  # fmt: skip
        if options.glb:
            strongest = int(edit_importance(motion, mapper).argmax())
            write_head(options.output / f"{name}.glb", avatar, one, motion, mapper, strongest, options.strength)
    count = len(codes.shape) * len(motion)
    rate = count / (synchronized_time(torch.device(options.device)) - started)
    print(f"{len(codes.shape)} faces x {len(motion)} frames on {options.device}: {rate:.1f} frames/s")
    more = [name for name, wanted in (("textures", options.textures), ("heads that move", options.glb)) if wanted]
    print(f"Written to {options.output}: {', '.join(['a video and a strip of frames for each', *more])}")


if __name__ == "__main__":
    main()
