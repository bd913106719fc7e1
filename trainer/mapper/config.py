"""What a run of the mapper's trainer depends on."""

from dataclasses import asdict, dataclass, field
from typing import Any

from clipface.files import absolute
from clipface.settings import (
    SOURCE_PHRASE,
    FacesConfig,
    GuidanceConfig,
    HeadConfig,
    Jitter,
    RendererConfig,
    require_at_least,
)
from trainer.common.config import PlateauConfig, RunConfig, register


@dataclass
class PromptConfig:
    """What the faces should become."""

    name: str = ""  # of the run's folder
    target: str = ""
    source: str = SOURCE_PHRASE
    negative: str = ""  # what they should not become: the direction points away from it too
    negative_weight: float = 0.5
    templates: list[str] = field(default_factory=lambda: ["{}"])  # sentences for the phrases above, averaged

    @property
    def words(self) -> dict[str, Any]:
        """Arguments of `DirectionalLoss`."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


@dataclass
class ModelConfig:
    """What may change."""

    texture: bool = True
    expression: bool | None = None  # null: unless the edit is kept to a region
    identity: bool = False
    region: str | None = None  # lips, eyes, brows, skin, ... or several joined by "+"; null: the whole texture
    layers: int = 4  # of each mapper's network
    # known: at the look of the prompt's name if the generator has it, or at the expression of its name if the head has
    # it, else at zero, which changes nothing yet; zero; random; look:NAME; text_mapper: at what it makes of the words;
    # or a mapper's file or run, the authors' files too
    init_from: str = "zero"


@dataclass
class LearningRates:
    """Of Adam, for each mapper."""

    texture: float = 1e-4
    expression: float = 5e-3
    identity: float = 5e-3
    decay: bool = False  # whether both fall to zero along half a cosine


@dataclass
class EditConfig(RunConfig):
    """What runs of mappers of still faces and of animations share."""

    batch_size: int = 4  # faces
    image_size: int = 128  # of the images, pixels
    # texels of the textures in training, a power of two: finer layers of the generator are left out, and an edit leaves
    # their codes; validation and results have all. null: the generator's
    texture_size: int | None = None
    max_yaw: float = 30.0  # of the views, degrees
    max_pitch: float = 15.0
    cache: int = 0  # batches that are sampled once and used again and again, in memory; 0: new ones at each step
    psi: float = 1.0  # truncation of the random textures
    min_feature_change: float = 0.1  # of an image's features (length 1); less change counts as that much less agreement
    validation: int = 8  # faces that are never trained on: for the numbers and images at the end
    generator: str | None = None  # weights of the texture generator; null: the one that comes with the project
    faces: FacesConfig = field(default_factory=FacesConfig)  # whom the edit is for; all left out: everybody
    jitter: Jitter = field(default_factory=Jitter)
    plateau: PlateauConfig = field(default_factory=PlateauConfig)
    prompt: PromptConfig = field(default_factory=PromptConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)
    guidance: GuidanceConfig = field(default_factory=GuidanceConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, image_size=8, cache=0, validation=1)
        size = self.texture_size
        if size is not None and (size < 8 or size & (size - 1)):
            raise ValueError(f"texture_size: expected a power of two from 8 up, got {size}")

    def require_prompt(self) -> None:
        """Raise a ValueError if there are no words to train towards."""
        if not self.prompt.target.strip():
            raise ValueError('prompt: expected one, got none; use --prompt zombie, or --prompt "any words"')

    @property
    def notes(self) -> dict[str, Any]:
        """What is kept beside the mapper, for all that use it later."""
        return {
            "prompt": asdict(self.prompt), "head": asdict(self.head) | {"path": absolute(self.head.path)},
            "generator": absolute(self.generator), "psi": self.psi,
            "guidance": asdict(self.guidance) | {
                "weights": absolute(self.guidance.weights),
                "also_weights": {name: absolute(path) for name, path in self.guidance.also_weights.items()},
            },
        }  # fmt: skip


@dataclass
class MapperConfig(EditConfig):
    """Everything a run depends on."""

    views: int = 2  # images of each face
    expression_prior_weight: float = 1e-3  # weight of the expression's Mahalanobis distance
    lip_penetration_weight: float = 0.0  # weight of lips that pass through each other, for each centimetre
    identity_prior_weight: float = 1e-3  # weight of the squared distance from a face's identity, standard deviations
    zero_offsets: bool = False  # train towards no change at all instead of words: the paper's pre-training
    compile: bool = False  # encoders by torch.compile: a minute or so before the first step
    learning_rate: LearningRates = field(default_factory=LearningRates)
    model: ModelConfig = field(default_factory=ModelConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, views=1)


register("mapper_schema", MapperConfig)
