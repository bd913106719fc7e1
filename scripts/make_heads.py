"""Make a folder of edited heads that differ in identity, texture, edit and its strength, with a manifest.

python scripts/make_heads.py --count 100 --prompt zombie clown "a photo of an old man with a beard" --output heads
python scripts/make_heads.py --count 100 --mapper runs/*_mapper_zombie runs/*_mapper_old --output heads
python scripts/make_heads.py --count 20 --prompt zombie --strength 1 1 --train experiment=smoke --output quick
python scripts/make_heads.py --count 50 --seed 1000 --output unedited

Writes for each head `NNNNN.glb` (to pose and animate), `NNNNN.png` (two views), `NNNNN.npz` (codes before the edit, as
scripts/edit.py reads them, and after it under `edited_...`) and a line of `manifest.jsonl`. A prompt is the name of one
in configs/prompt or any words; its mapper is trained first, into `mappers`. The same command goes on where it was
interrupted; --count may grow, other settings may not change. A head depends on its seed and the settings alone.
"""

import argparse
import io
import json
import os
import random
import shutil
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from clipface import startup  # isort: skip

startup.prepare()

import numpy as np
import torch
from export import add_look, load, write
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from tqdm import tqdm

from clipface import assets
from clipface.edit.apply import edit_in_turn, unedited
from clipface.edit.avatar import Avatar
from clipface.edit.files import MAPPER_FILE, mapper_file, mapper_notes, sample_latents
from clipface.edit.mapper import FaceMapper
from clipface.evaluation.faces import SECOND_VIEW, face_images
from clipface.evaluation.grid import to_image
from clipface.export.surface import png
from clipface.files import write_atomic
from trainer.common.config import slug
from trainer.mapper.train import train

DIGITS = 3  # of strengths
FREE = ("count", "output", "device", "renderer")  # options that may change when a folder is continued


class Edit(NamedTuple):
    """A trained mapper and what it was trained for."""

    file: Path
    mapper: FaceMapper
    prompt: str


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--output", type=Path, required=True, help="folder to write into")
    add("--count", type=int, default=100, help="heads in the folder when all are there")
    add("--seed", type=int, default=0, help="of the first head; the others follow")
    add("--prompt", nargs="+", default=[], help="what heads become, in turn; each takes some minutes to train")
    add("--mapper", nargs="+", type=Path, default=[], help="runs, or files of mappers, that are used in turn too")
    add("--strength", nargs=2, type=float, default=[0.5, 1.0], metavar=("LEAST", "MOST"), help="1 is the trained edit")
    add("--train", nargs="+", default=[], help="overrides of trainer.mapper for the prompts, such as trainer=gpu")
    add("--size", type=int, default=256, help="side of the preview's two images, pixels")
    add_look(parser)
    options = parser.parse_args(arguments)
    if options.count < 1 or options.size < 1 or options.strength[0] > options.strength[1]:
        parser.error("--count, --size: 1 or more is wanted; --strength: the least first")
    return options


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> None:
    """Train what is missing, make what is missing."""
    options = parse(arguments)
    check_settings(options)
    trained = [train_prompt(prompt, options) for prompt in options.prompt]
    options.mapper = trained + options.mapper
    avatar, mappers, psi = load(options)
    edits = [Edit(file, mapper, prompt_of(file)) for file, mapper in zip(options.mapper, mappers, strict=True)]
    done = read_manifest(options.output)
    missing = [number for number in range(options.count) if number not in done]
    for number in tqdm(missing, desc="heads", disable=not missing):
        line = make_head(number, avatar, edits, psi, options)
        with (options.output / "manifest.jsonl").open("a") as manifest:
            manifest.write(json.dumps(line) + "\n")
    print(f"{options.output}: {options.count} heads, {len(missing)} of them made now; manifest.jsonl lists them")


def check_settings(options: argparse.Namespace) -> None:
    """Note the settings in the folder, or refuse others than it was begun with.

    Raises:
        ValueError: naming the setting, its value before and now.
    """
    path = options.output / "settings.json"
    now = {name: value for name, value in vars(options).items() if name not in FREE}
    now["mapper"] = [f"{file.name}, {assets.checksum(mapper_file(file))[:16]}" for file in options.mapper]
    now["generator"] = assets.checksum(Path(options.generator or assets.resolve("generator")))[:16]
    if path.is_file():
        before = json.loads(path.read_text())
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                raise ValueError(
                    f"{name}: {before.get(name)}, with which {options.output} was begun, is wanted, {now.get(name)} was"
                    " given; other settings need another --output"
                )
    write_atomic(path, (json.dumps(now, indent=1) + "\n").encode())


def train_prompt(prompt: str, options: argparse.Namespace) -> Path:
    """Train a prompt's mapper unless it is there, and return its folder.

    Raises:
        KeyboardInterrupt: if training was told to stop; nothing of it is kept.
    """
    folder = options.output / "mappers" / slug(prompt)
    if (folder / MAPPER_FILE).is_file():
        return folder
    named = (files("configs") / "prompt" / f"{prompt}.yaml").is_file()
    head = [f"head={options.head}"] if options.head else []
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("mapper", [*([f"prompt={prompt}"] if named else []), *head, *options.train])
    if not named:
        config.prompt.name, config.prompt.target = slug(prompt), prompt
    config.generator = options.generator
    shutil.rmtree(folder, ignore_errors=True)  # what an interrupted training left
    folder.mkdir(parents=True)
    with signals_told() as told_to_stop, torch.enable_grad():
        train(OmegaConf.to_object(config), folder)
        if told_to_stop():  # the trainer then ends early but well, with a mapper that is not what was asked for
            (folder / MAPPER_FILE).unlink()
            raise KeyboardInterrupt
    return folder


@contextmanager
def signals_told() -> Iterator[Any]:
    """Give a function that says whether Ctrl-C or a polite kill has come, whoever handled it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)

    def told() -> bool:
        try:
            return bool(set(os.read(reading, 4096)) & {signal.SIGINT, signal.SIGTERM})
        except BlockingIOError:
            return False

    try:
        yield told
    finally:
        signal.set_wakeup_fd(before)
        os.close(reading)
        os.close(writing)


def prompt_of(mapper: Path) -> str:
    """What a mapper was trained for; the file's name where it does not say."""
    return mapper_notes(mapper).get("prompt", {}).get("target") or mapper.name


def read_manifest(folder: Path) -> dict[int, dict]:
    """Read which heads are there, by number; lines cut off or without their files are dropped from the manifest."""
    path, found = folder / "manifest.jsonl", {}
    for line in path.read_text().splitlines() if path.is_file() else []:
        try:
            head = json.loads(line)
        except json.JSONDecodeError:
            continue
        if all((folder / head[key]).is_file() for key in ("file", "preview", "codes")):
            found[head["number"]] = head
    write_atomic(path, "".join(json.dumps(head) + "\n" for head in found.values()).encode())
    return found


def make_head(number: int, avatar: Avatar, edits: list[Edit], psi: float, options: argparse.Namespace) -> dict:
    """Write one head's files and return its line of the manifest."""
    seed, name = options.seed + number, f"{number:05d}"
    edit = edits[number % len(edits)] if edits else None
    strength = round(random.Random(seed).uniform(*options.strength), DIGITS) if edit else 0.0
    codes = sample_latents(avatar, [seed], psi)  # one by one: alike however often the work was interrupted
    edited = edit_in_turn(avatar, unedited(codes), [edit.mapper] if edit else [], [strength] if edit else [])
    texture = edited.texture(avatar)
    write(options.output / f"{name}.glb", avatar, codes, edited, texture[0], options.expressions)
    views = [face_images(avatar, texture, edited.codes, yaw, options.size)[0] for yaw in (0.0, SECOND_VIEW)]
    write_atomic(options.output / f"{name}.png", png(to_image(torch.cat(views, -1))))
    arrays = codes._asdict() | {f"edited_{key}": value for key, value in edited.codes._asdict().items()}
    content = io.BytesIO()
    np.savez(content, **{key: value.cpu().numpy() for key, value in arrays.items()})
    write_atomic(options.output / f"{name}.npz", content.getvalue())
    return {
        "number": number,
        "file": f"{name}.glb",
        "seed": seed,
        "prompt": edit.prompt if edit else "",
        "strength": strength,
        "codes": f"{name}.npz",
        "preview": f"{name}.png",
    }


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        raise SystemExit("stopped; the same command goes on from here") from None
