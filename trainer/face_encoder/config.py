"""What a run of the face encoder's trainer depends on."""

from dataclasses import dataclass, field
from typing import Any

from clipface.settings import HeadConfig, RendererConfig, require_at_least
from trainer.common.config import RunConfig, register


@dataclass
class PaintingConfig:
    """The painted faces that are trained on."""

    images: int = 49152  # in the cache; never more than the run needs
    chunk: int = 512  # images painted at a time
    renew_every: int = 20  # steps between chunks
    captions: int = 4  # of each image
    size: int = 128  # of an image, pixels
    texture_size: int = 256
    max_yaw: float = 35.0  # of the views, degrees
    max_zoom: float = 1.5  # of the views; 1 shows the whole head, and at 1.5 the face fills the image
    validation: int = 1024  # images for the scores; never more than the run needs


@dataclass
class PhotographsConfig:
    """Photographs that are trained on besides painted faces; without `labels` and `phrases` there are none."""

    labels: list[str] = field(default_factory=list)  # CSV: file, person, age, gender, maybe expression and prompt
    dataset: str | None = None  # data set folder with their images (scripts/prepare_photos.py)
    textures: str | None = None  # folder of their completed textures (scripts/bake_texture.py), painted over
    share: float = 0.15  # of the images that are photographs
    photo_skin_share: float = 0.5  # of the painted faces that are painted over photographed skin
    expressions: str | None = None  # CSV: file, expression, of photographs whose expression `labels` leave empty
    years_added: dict[str, int] = field(default_factory=dict)  # to the ages of files in a folder of this name
    phrases: str | None = None  # CSV: file (below its own folder), phrase, of images of which only words are known
    phrase_share: float = 0.1  # of the images that have phrases


@dataclass
class GeneratedConfig:
    """Random people of a texture generator, some with a look."""

    share: float = 0.0  # of the images; 0: the generator is not read
    generator: str | None = None  # weights; null: the shipped ones
    psi: float = 0.8  # truncation of the textures


@dataclass
class FaceEncoderConfig(RunConfig):
    """Everything a run depends on."""

    name: str = "face_encoder"  # of the weights' file
    batch_size: int = 768
    learning_rate: float = 1e-3
    init_from: str | None = None  # weights of an encoder to continue from
    weight_decay: float = 0.1
    warm_up: float = 0.04  # share of the run
    direction_weight: float = 0.3
    word_dropout: float = 0.05  # share of words that are replaced by the unknown one
    score_every: int = 1000  # steps between scores
    model: dict[str, Any] = field(default_factory=dict)  # open_clip's description: embed_dim, vision_cfg, text_cfg
    painting: PaintingConfig = field(default_factory=PaintingConfig)
    photographs: PhotographsConfig = field(default_factory=PhotographsConfig)
    generated: GeneratedConfig = field(default_factory=GeneratedConfig)
    head: HeadConfig = field(default_factory=HeadConfig)
    renderer: RendererConfig = field(default_factory=RendererConfig)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        require_at_least(self, score_every=1)
        photographs = self.photographs
        shares = {"photographs.share": photographs.share, "photographs.phrase_share": photographs.phrase_share}
        shares["generated.share"] = self.generated.share
        if min(shares.values()) < 0 or sum(shares.values()) >= 1:
            raise ValueError(f"{', '.join(shares)}: expected at least 0 each and less than 1 together, got {shares}")


register("face_encoder_schema", FaceEncoderConfig)
