"""Which head, renderer and encoder a command uses: what configurations and command lines say, without a tensor."""

import re
import shlex
from dataclasses import dataclass, field, replace
from importlib.resources import files
from typing import Any, Literal, get_args

SHIPPED_ENCODERS = ("face_encoder", "scoring_encoder")
TEXT_READERS = ("words", "sentences")  # GuidanceConfig.text
SOURCE_PHRASE = "a photo of a face"  # what a face is called before an edit
TEXT_PREFIX = "text:"  # of words in the place of a mapper
PERSON_SUFFIX = ".person.safetensors"  # ends the names of files of persons
PERSON_TEXTURE = 1024  # side of textures made from photographs, texels
SEED_STRIDE = 1_000_003  # between the seeds of runs and processes; prime, and more than a run has chunks or batches


def require_at_least(config: Any, **least: float) -> None:
    """Raise a ValueError that names the first value of a configuration that is smaller than it may be."""
    for name, smallest in least.items():
        value = getattr(config, name)
        if value < smallest:
            raise ValueError(f"{name}: expected {smallest} or more, got {value}")


@dataclass
class HeadConfig:
    """Which head."""

    name: str = "open"  # open, flame
    path: str | None = None  # its file; null: where clipface.assets looks


@dataclass
class FacesConfig:
    """Which faces are edited; all left out: random ones."""

    # a file of codes (.pt, .npz, .safetensors), a folder of .pt files, or seeds such as 0:8
    latents: str | None = None
    photos: list[str] = field(default_factory=list)  # photographs of one person; or one folder: a person in each
    persons: list[str] = field(default_factory=list)  # files of persons, each made from photographs earlier
    # codes of DECA, EMOCA or SMIRK for FLAME, one of each of the photos; or a folder of such, paired by name
    fits: list[str] = field(default_factory=list)
    which_face: int = 1  # of the faces in a photograph, the largest first
    texture_size: int = PERSON_TEXTURE  # of textures made from photographs
    validation_latents: str | None = None  # as latents, of faces that are not trained on; null: those that are
    # a head of FLAME that all codes' faces get: flame_params.pkl, verts.pkl, or a code of DECA
    head_params: str | None = None

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, which_face=1)
        given = [name for name in ("latents", "photos", "persons") if getattr(self, name)]
        if len(given) > 1:
            raise ValueError(f"faces: expected one of latents, photos and persons, got {' and '.join(given)}")
        if self.head_params and (self.photos or self.persons):
            raise ValueError("faces.head_params: expected none with photos or persons, which have heads of their own")
        if self.fits and not self.photos:
            raise ValueError("faces.fits: expected photos too, whose heads they are, got none")
        if self.validation_latents and not self.latents:
            raise ValueError("faces.validation_latents: expected latents too, got none; random faces have their own")
        if not 64 <= self.texture_size <= 4096 or self.texture_size & (self.texture_size - 1):
            raise ValueError(f"faces.texture_size: expected a power of two from 64 to 4096, got {self.texture_size}")


@dataclass
class RendererConfig:
    """How images are rendered."""

    backend: str = "warp"  # warp, nvdiffrast
    shading: str = "unlit"  # unlit, sh, studio
    supersample: int = 1  # rendered this many times larger, then averaged


@dataclass
class GuidanceConfig:
    """Which encoder compares images with words."""

    model: str = "face_encoder"  # face_encoder or scoring_encoder (shipped), or the name of an open_clip model
    pretrained: str | None = None  # name of open_clip's weights for it, downloaded on first use
    weights: str | None = None  # local file to read instead: .safetensors, or a PyTorch state dict
    text: str = "words"  # words (the model's own), sentences (also words it was not trained on, by the extra `words`)
    also: list[str] = field(default_factory=list)  # names of configs/guidance: other encoders, averaged with this one
    also_weights: dict[str, str] = field(default_factory=dict)  # local files of theirs, by name: {vit_l_14:ViT-L-14.pt}

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        if unknown := [name for name in self.also_weights if name not in self.also]:
            also = ", ".join(self.also) or "none"
            raise ValueError(f"guidance.also_weights: expected names in guidance.also ({also}), got {unknown[0]!r}")

    def every(self) -> list["GuidanceConfig"]:
        """This encoder and those that are averaged with it; raises ValueError for a name that is none."""
        return [self, *(named_guidance(name, self.also_weights.get(name)) for name in self.also)]


@dataclass
class Jitter:
    """What varies from view to view besides the direction."""

    lens: float = 0.0  # share of the views through a lens, from 0.4 to 1.2 metres; the others are parallel
    crop: float = 0.0  # up to this part of the image's side is cut off, 0..1
    tilt: float = 0.0  # the image's plane is tilted by up to this factor, 0..0.5
    background: float = 0.0  # share of the views before another background than white

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        for name, value in (("lens", self.lens), ("background", self.background)):
            if not 0 <= value <= 1:
                raise ValueError(f"jitter.{name}: expected a number from 0 to 1, got {value}")
        for name, value, most in (("crop", self.crop, 1.0), ("tilt", self.tilt, 0.5)):  # as `random_warps` takes them
            if not 0 <= value < most:
                raise ValueError(f"jitter.{name}: expected a number from 0 to below {most:g}, got {value}")


# What command lines offer; here, so that a parser needs no import of what these names stand for.
HEADS = ("open", "flame")
BACKENDS = ("warp", "nvdiffrast")  # of the renderer
CAMERA_PATHS = ("front", "turntable", "sway")
FEATURE_NETWORKS = ("efficientnet", "inception")  # of FID and KID
Shading = Literal["unlit", "sh", "studio"]
SHADINGS: tuple[str, ...] = get_args(Shading)


def config_names(group: str) -> list[str]:
    """What a folder of configs/ offers, such as "guidance" or "prompt", by name."""
    found = (path.name for path in (files("configs") / group).iterdir())
    return sorted(name.removesuffix(".yaml") for name in found if name.endswith(".yaml"))


def read_config(group: str, name: str) -> dict[str, Any]:
    """Read a file of configs/.

    Args:
        group: its folder.
        name: without .yaml.

    Raises:
        ValueError: if there is none of this name; lists those there are.
    """
    from omegaconf import OmegaConf

    if name not in config_names(group):
        raise ValueError(f"{group}: expected one of {', '.join(config_names(group))}, got {name!r}")
    content = (files("configs") / group / f"{name}.yaml").read_text(encoding="utf-8")
    return dict(OmegaConf.to_container(OmegaConf.create(content)))


def named_guidance(name: str, weights: str | None = None) -> GuidanceConfig:
    """Read an encoder of configs/guidance, for instance vit_b_16, with a local file of its weights if there is one.

    Raises:
        ValueError: as `read_config`.
    """
    found = GuidanceConfig(**read_config("guidance", name))
    return found if weights is None else replace(found, weights=weights)


def literal(value: Any) -> Any:
    """A value, and all texts in it, as OmegaConf reads it: `${` begins no reference."""
    if isinstance(value, dict):
        return {key: literal(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [literal(part) for part in value]
    return re.sub(r"(\\*)\$\{", lambda found: 2 * found[1] + "\\${", value) if isinstance(value, str) else value


def quoted(text: str) -> str:
    """Any text as a value on Hydra's command line, which would take signs such as `(`, `!` or `é` for its grammar's."""
    escaped = re.sub(r"(\\*)'", lambda found: 2 * found[1] + "\\'", literal(text))
    trailing = len(escaped) - len(escaped.rstrip("\\"))
    return "'" + escaped + "\\" * trailing + "'"


def pasted(key: str, value: object) -> str:
    """`key=value` of Hydra as a shell takes it from a line that is pasted, whatever a path is called."""
    text = str(value)
    return f"{key}={text}" if re.fullmatch(r"[\w./-]+", text, re.ASCII) else shlex.quote(f"{key}={quoted(text)}")


def _from_terminal(text: str) -> str:
    """Words as they were typed: Python reads them as ASCII where the locale names no other encoding."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8")
    except UnicodeError:
        return text


def prompt_override(prompt: str) -> str:
    """What `--prompt` means to a trainer, as Hydra's override: a name of configs/prompt, or any text.

    Raises:
        ValueError: for a text without a word, or with signs that cannot be printed.
    """
    words = " ".join(_from_terminal(prompt).split())
    if not words or not words.isprintable():
        raise ValueError(f'--prompt: expected words, as in --prompt "a photo of a zombie", got {prompt!r}')
    return f"prompt={words}" if words in named_prompts() else f"prompt.target={quoted(words)}"


def prompt_target(prompt: str) -> str:
    """The words of a prompt: those of a name of configs/prompt, or the text itself."""
    return read_config("prompt", prompt)["target"] if prompt in named_prompts() else prompt


def named_prompts() -> list[str]:
    """Names of configs/prompt that stand for words."""
    return [name for name in config_names("prompt") if name != "words"]
