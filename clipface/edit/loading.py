"""How every trainer starts: the parts that trainers share, and a folder that a failed start does not leave behind."""

from importlib.resources import files
from pathlib import Path

from omegaconf import OmegaConf

from clipface import assets
from clipface.edit.avatar import Avatar
from clipface.guidance import Encoder, load_encoder
from clipface.render.load import load_head_and_renderer
from clipface.settings import GuidanceConfig, HeadConfig, RendererConfig
from clipface.texture.generator import TextureGenerator
from clipface.texture.published import read_published_generator


def load_avatar(generator: str | Path | None, head: HeadConfig, renderer: RendererConfig) -> Avatar:
    """Load the frozen half of an edit.

    Args:
        generator: weights, a `.safetensors` file or one of the authors'; None: those that come with the project.
        head: which head.
        renderer: who draws it.

    Raises:
        FileNotFoundError, ValueError: if a file is missing, cut off, or of another kind.
    """
    path = Path(generator or assets.resolve("generator"))
    read = TextureGenerator.from_weights if path.suffix == ".safetensors" else read_published_generator
    return Avatar(read(path), *load_head_and_renderer(head, renderer))


def named_guidance(name: str) -> GuidanceConfig:
    """Read a file of configs/guidance, for instance vit_b_16.

    Raises:
        ValueError: if there is none of this name.
    """
    folder = files("configs") / "guidance"
    known = sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))
    if name not in known:
        raise ValueError(
            f"guidance.also: names of configs/guidance are wanted ({', '.join(known)}), {name!r} was given"
        )
    return GuidanceConfig(**OmegaConf.create((folder / f"{name}.yaml").read_text()))


def load_encoders(guidance: GuidanceConfig) -> list[Encoder]:
    """Load the encoder that guides a run, and those that guide it too."""
    return [load_encoder(each) for each in (guidance, *map(named_guidance, guidance.also))]

