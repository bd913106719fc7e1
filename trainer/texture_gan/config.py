"""What a run of the texture generator's trainer depends on."""

from dataclasses import dataclass, field
from typing import Any

from clipface.settings import GuidanceConfig, HeadConfig, RendererConfig, require_at_least
from trainer.common.config import RunConfig, register
from trainer.texture_gan.anchored.config import AnchoredConfig

RECIPES = ("rendered", "anchored")


@dataclass
class DatasetConfig:
    """Where faces come from: a data set folder if there is a path, else they are painted while training."""

    path: str | None = None  # data set folder (see clipface/data/shards.py); null: painted faces

    # of a data set folder
    match: str = ""  # regular expression of the photographs' names, with folders, to take; empty: all
    workers: int = 4  # processes that read images, at most one a CPU; 0: none but the trainer's own
    mirror: bool = True  # each face as it is, and in a mirror
    heads: str = "fitted"  # fitted: heads, cameras and masks of the data set; distribution: sampled from the fits' one

    # of heads in textures that were baked from photographs, mixed into the batches of either kind
    textures: str | None = None  # folder of textures (scripts/bake_texture.py --dataset); null: none
    textures_share: float = 0.5  # of each batch
    blends: float = 0.5  # share of these whose texture is a blend of two
    painted: float = 0.5  # share of these with more paint than eyes and hair: looks, make-up, beards, wrinkles
    repeats: int = 1  # times that each of these comes before others are sampled

    # of painted faces; painted on the training device
    texture_size: int = 256
    max_yaw: float = 45.0  # degrees
    max_zoom: float = 1.4  # of the views; 1 shows the whole head
    chunk: int = 256  # faces painted at once, since a painting has a fixed cost; never more than the run needs
    attributes: dict[str, Any] = field(default_factory=dict)  # of every face, for instance {look: none}

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, workers=0, chunk=1, repeats=1)
        if self.textures and not 0 < self.textures_share <= 1:
            raise ValueError(f"dataset.textures_share: expected more than 0 and up to 1, got {self.textures_share}")
        if self.heads not in ("fitted", "distribution"):
            raise ValueError(f"dataset.heads: expected fitted or distribution, got {self.heads}")


@dataclass
class GeneratorConfig:
    """Size of the generator (see TextureGenerator)."""

    resolution: int = 256
    z_dim: int = 512
    w_dim: int = 512
    mapping_layers: int = 2  # as StyleGAN3 (arXiv 2106.12423): w keeps more of what z says
    channel_base: int = 8192
    channel_max: int = 256
    normalise_z: bool = True  # false: a code's length counts too


@dataclass
class DiscriminatorConfig:
    """Size of the discriminator of full images (see Discriminator)."""

    channel_base: int = 16384
    channel_max: int = 512
    group: int = 4


@dataclass
class PatchConfig:
    """Patches, and the size of their discriminator."""

    size: int = 64  # pixels
    stride: int = 16  # pixels between possible corners
    count: int = 16  # of each image
    weight: float = 1.0  # of its loss for the generator
    channel_base: int = 4096
    channel_max: int = 256


@dataclass
class AugmentConfig:
    """Adaptive augmentation of the images that both discriminators get."""

    enabled: bool = True
    target: float = 0.6
    images: float = 200_000  # in which its probability can go from 0 to 1
    every: int = 4  # batches between adaptations
    begin: float = 0.0  # its probability at first; discriminators that were trained before need some at once
    transforms: list[str] = field(default_factory=lambda: ["blit", "geometry", "colour"])  # see texture/augment/


@dataclass
class PenaltyConfig:
    """Lazy penalties."""

    r1: float = 1.0  # weight; half of it is the factor of the squared gradient
    patch_r1: float = 0.1
    r1_every: int = 16  # batches; 0: never
    path: float = 2.0  # weight
    path_every: int = 4  # batches; 0: never
    share: float = 0.5  # of the batch that penalties are computed on
    reduced: bool = True  # whether they use bfloat16 where the losses do; false: float32 throughout


@dataclass
class AverageConfig:
    """Moving average of the generator."""

    half_life: float = 10_000  # images
    ramp_up: float = 0.05  # its most, as a share of the images trained on; 0: no bound


@dataclass
class MetricsConfig:
    """FID and KID of the averaged generator (see clipface/metrics)."""

    every: int = 0  # batches between two scores; 0: never
    count: int = 2000  # faces of each kind
    network: str = "efficientnet"  # efficientnet, inception


@dataclass
class AttributeOffsetsConfig:
    """What the painter puts on a face becomes an offset of its code (see extra_losses.py)."""

    weight: float = 0.0  # of the loss for the generator; 0: no attribute offsets
    count: int = 16  # textures a batch, on each device
    renew_every: int = 16  # batches for which textures are painted at once
    share: float = 0.6  # of textures with a stylised look; the others have make-up, beards, age and colours


@dataclass
class StatisticsConfig:
    """Statistics of fakes compared with those of photographs in an encoder's features (see extra_losses.py)."""

    weight: float = 0.0  # of the distance for the generator; 0: they are not compared
    batches: int = 16  # the latest ones, that are compared
    layers: list[str] = field(default_factory=lambda: ["layer3"])  # of its visual network, besides its vectors
    encoder: GuidanceConfig = field(default_factory=GuidanceConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        require_at_least(self, weight=0, batches=1)


@dataclass
class RobustConfig:
    """When gradients that are not finite end a run; until then, steps with such are skipped."""

    in_a_row: int = 20  # batches
    share: float = 0.05  # of about the last 200 batches


@dataclass
class TextureGANConfig(RunConfig):
    """Everything a run depends on."""

    recipe: str = "rendered"  # rendered: images of textured heads; anchored: textures themselves, in dataset.textures
    batch_size: int = 32  # of the rendered recipe; the anchored one has stages with their own
    parts: int = 1  # in which a process takes its batch, one after the other, for one step: less memory
    image_size: int = 256  # of renders and images, pixels
    learning_rate: float = 2.5e-3
    # folder of generator.safetensors, maybe also discriminators and looks, or a generator's file (the authors' too);
    # with the anchored recipe a folder, with linear_textures too, of a generator of the first stage's resolution
    init_from: str | None = None
    style_mixing: float = 0.9  # probability that a texture is made from two latent codes
    snapshot_every: int = 500  # batches between images and exported weights; 0: only at the end
    checkpoint_every: int = 500  # batches between checkpoints; 0: only at the end
    generator: GeneratorConfig = field(default_factory=GeneratorConfig)
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    patch: PatchConfig = field(default_factory=PatchConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    penalty: PenaltyConfig = field(default_factory=PenaltyConfig)
    average: AverageConfig = field(default_factory=AverageConfig)
    robust: RobustConfig = field(default_factory=RobustConfig)
    metrics: MetricsConfig = field(default_factory=MetricsConfig)
    attribute_offsets: AttributeOffsetsConfig = field(default_factory=AttributeOffsetsConfig)
    statistics: StatisticsConfig = field(default_factory=StatisticsConfig)
    anchored: AnchoredConfig = field(default_factory=AnchoredConfig)
    dataset: DatasetConfig = field(default_factory=DatasetConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, image_size=8, snapshot_every=0, parts=1)
        if self.recipe not in RECIPES:
            raise ValueError(f"recipe: expected one of {', '.join(RECIPES)}, got {self.recipe}")
        if self.recipe == "anchored":
            self._check_anchored()
        elif self.parts > 1:
            self._check_parts()

    @property
    def penalised(self) -> int:
        """Images of each process that penalties are computed on."""
        return max(1, round(self.batch_size // self.trainer.processes * self.penalty.share))

    def _check_parts(self) -> None:
        own = self.batch_size // self.trainer.processes
        if own % self.parts or self.penalised % self.parts:
            raise ValueError(
                f"parts: expected a divisor of the {own} images that a process has, and of the {self.penalised} "
                f"that penalties are computed on, got {self.parts}"
            )
        for name, given in (
            ("statistics.weight", self.statistics.weight),
            ("attribute_offsets.weight", self.attribute_offsets.weight),
        ):
            if given:
                raise ValueError(f"{name}: expected 0 with parts, since it needs the full batch, got {given}")

    def _check_anchored(self) -> None:
        if self.parts != 1:
            raise ValueError(f"parts: expected 1, since the anchored recipe does not read it, got {self.parts}")
        for name, given in (
            ("metrics.every", self.metrics.every),
            ("statistics.weight", self.statistics.weight),
            ("attribute_offsets.weight", self.attribute_offsets.weight),
            ("penalty.path_every", self.penalty.path_every),
        ):
            if given:
                raise ValueError(
                    f"{name}: expected 0, since the anchored recipe does not read it, got {given}; leave it out"
                )
        last, parts = self.anchored.stages[-1].resolution, 4 * self.trainer.processes
        if self.generator.resolution != last:
            raise ValueError(
                f"generator.resolution: expected {last}, as the last stage, got {self.generator.resolution}"
            )
        if self.generator.z_dim < self.anchored.coefficients:
            least = self.anchored.coefficients
            raise ValueError(f"generator.z_dim: expected {least} (anchored.coefficients), got {self.generator.z_dim}")
        for stage in self.anchored.stages:
            if stage.batch_size % parts:
                raise ValueError(f"batch_size: expected a multiple of {parts} (4 a process), got {stage.batch_size}")
            if stage.resolution % self.anchored.anchor_size:
                size = self.anchored.anchor_size
                raise ValueError(f"resolution: expected a multiple of {size} (anchor_size), got {stage.resolution}")


register("texture_gan_schema", TextureGANConfig)
register("dataset_schema", DatasetConfig, group="dataset")
