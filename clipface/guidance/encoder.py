"""Images and words as vectors of one space: open_clip's models by name, and the project's own face encoders."""

import difflib
import logging
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface import assets, weights
from clipface.guidance.clip_files import read_clip, where
from clipface.guidance.resize import resized
from clipface.guidance.sentences import SentenceReader, load_reader
from clipface.guidance.tokenizer import UnknownWords, WordTokenizer
from clipface.settings import SHIPPED_ENCODERS, TEXT_READERS, GuidanceConfig
from clipface.shapes import expect

MOST_SIZE, MOST_LAYERS = 1 << 16, 64  # of a network that is described; more is a damaged file
LARGER = "guidance=vit_b_32"
# Images of the painted faces are centred with plain numbers: -1..1.
FACE_MEAN, FACE_STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
# An antialiased corner takes up to half of each of three neighbours, so it overshoots by a half; -1..1 goes farther.
_RANGE_TOLERANCE = 0.6


class Encoder(nn.Module):
    """An open_clip model with its tokenizer and its preparation of images."""

    def __init__(
        self,
        model: nn.Module,  # has open_clip's `encode_image` and `encode_text`
        tokenizer: Callable[[Sequence[str]], Tensor],  # texts to tokens [N, context]
        image_size: int,  # side of the square images that the model was trained on, pixels
        mean: Sequence[float],  # of each colour, in 0..1, as the model was trained
        std: Sequence[float],  # likewise
    ) -> None:
        """Put the parts together."""
        super().__init__()
        self.model, self.tokenizer, self.image_size = model, tokenizer, image_size
        self.frozen = False
        self.reader: SentenceReader | None = None  # reads texts with words that the model was not trained on
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def freeze(self) -> "Encoder":
        """Fix the parameters and the statistics of batch normalisation for good."""
        self.eval().requires_grad_(False)
        self.frozen = True
        return self

    def train(self, mode: bool = True) -> "Encoder":
        """Switch to training, unless frozen: a trainer switches all that it holds."""
        return super().train(mode and not self.frozen)

    def encode_image(self, images: Tensor) -> Tensor:
        """Encode images.

        Args:
            images: [B, 3, H, W] in 0..1, any size; of an image that is not square the middle is taken.

        Returns:
            [B, D], length 1.

        Raises:
            ValueError: if a value is not finite or far outside 0..1; unchecked on CUDA, where it would stall the queue.

        Gradient:
            To `images`, through the antialiased resizing.
        """
        expect("images", images, ("B", 3, "H", "W"))
        if images.device.type == "cpu":
            low, high = (value.item() for value in images.detach().aminmax())
            if not (low >= -_RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE):  # also when either is NaN
                raise ValueError(f"images: expected numbers in 0..1, got {low:g}..{high:g}")
        side = min(images.shape[-2:])
        top, left = ((size - side) // 2 for size in images.shape[-2:])
        images = images[..., top : top + side, left : left + side]
        if side != self.image_size:
            images = resized(images, self.image_size)
        return functional.normalize(self.model.encode_image((images - self.mean) / self.std).float(), dim=-1)

    def encode_tokens(self, tokens: Tensor) -> Tensor:
        """Encode tokens [N, context] of this encoder's tokenizer as [N, D], length 1; for training."""
        return functional.normalize(self.model.encode_text(tokens).float(), dim=-1)

    @torch.no_grad()
    def encode_text(self, texts: Sequence[str]) -> Tensor:
        """Encode texts; those with words outside its vocabulary go to its reader, or else give a warning.

        Args:
            texts: any number of texts.

        Returns:
            [N, D], length 1, without gradient.
        """
        if isinstance(texts, str):
            raise TypeError(f"texts: expected a list of texts, got the text {texts!r}")
        features = self.encode_tokens(self.tokenizer(list(texts)).to(self.mean.device))
        read = [row for row, text in enumerate(texts) if self.reader is not None and self.unknown_words(text)]
        if read:
            features[read] = self.reader([texts[row] for row in read])
        for text in (text for row, text in enumerate(texts) if row not in read):
            if isinstance(self.tokenizer, WordTokenizer) and (lost := self.tokenizer.lost(text)):
                warnings.warn(f"the encoder {lost}; {LARGER} chooses a larger one", UnknownWords, stacklevel=2)
        return features

    def unknown_words(self, text: str) -> list[str]:
        """The words of a text outside the vocabulary; open_clip's own models spell everything, so none."""
        return self.tokenizer.unknown_words(text) if isinstance(self.tokenizer, WordTokenizer) else []


def build_face_encoder(architecture: Mapping, words: Sequence[str]) -> Encoder:
    """Build an untrained face encoder.

    Args:
        architecture: open_clip's description of a model (embed_dim, vision_cfg, text_cfg) but for vocab_size.
        words: the vocabulary.

    Raises:
        ValueError: if a key is missing or unknown.
    """
    import open_clip

    if not {"embed_dim", "vision_cfg", "text_cfg"} <= set(architecture):
        raise ValueError(f"model: expected embed_dim, vision_cfg and text_cfg, got {', '.join(architecture)}")
    vision, text = dict(architecture["vision_cfg"]), dict(architecture["text_cfg"])
    sizes = [size for config in (vision, text) for size in _flat(config.values()) if isinstance(size, int)]
    layers = [depth for config in (vision, text) for depth in _flat([config.get("layers", 1)])]
    if max(sizes, default=0) > MOST_SIZE or not all(
        isinstance(depth, int) and depth <= MOST_LAYERS for depth in layers
    ):
        raise ValueError(f"model: expected sizes up to {MOST_SIZE} and {MOST_LAYERS} layers, got {vision} and {text}")
    try:
        tokenizer = WordTokenizer(words, text["context_length"])
        model = open_clip.CLIP(architecture["embed_dim"], vision, {**text, "vocab_size": tokenizer.size})
    except (KeyError, TypeError) as error:
        raise ValueError(f"model: expected open_clip's keys in vision_cfg and text_cfg ({error})") from error
    return Encoder(model, tokenizer, vision["image_size"], FACE_MEAN, FACE_STD)


def _flat(values: Iterable[object]) -> Iterator[object]:
    """Values, and those in lists among them."""
    for value in values:
        yield from value if isinstance(value, list | tuple) else (value,)


def save_face_encoder(path: str | Path, encoder: Encoder, architecture: Mapping) -> Path:
    """Write a face encoder as `load_encoder` reads it: in half precision, description and words as JSON beside it."""
    config = {"open_clip": dict(architecture), "words": list(encoder.tokenizer.words)}
    return weights.save(path, encoder.model.state_dict(), config, half=True)


def load_encoder(config: GuidanceConfig) -> Encoder:
    """Load a frozen encoder.

    Raises:
        ValueError: if no model or weights have the name, or the weights' file is cut off or of another model.
        FileNotFoundError: if a file is missing.
        ModuleNotFoundError: if `text` is sentences and the extra `words` is not installed.
        ConnectionError: if weights cannot be downloaded.
    """
    if config.text not in TEXT_READERS:
        raise ValueError(f"guidance.text: expected one of {', '.join(TEXT_READERS)}, got {config.text!r}")
    if config.model in SHIPPED_ENCODERS:
        path = face_encoder_file(config)
        encoder = load_face_encoder(path)
        if config.text == "sentences":
            encoder.reader = load_reader(path)
        return encoder.freeze()
    if config.text == "sentences":
        raise ValueError(f"guidance.text: expected words, got sentences; {config.model} reads any words itself")
    return _load_open_clip(config).freeze()


def face_encoder_file(config: GuidanceConfig) -> Path:
    """The weights of a face encoder: the local file that is given, or the shipped one."""
    return Path(config.weights) if config.weights else assets.resolve(config.model)


def load_face_encoder(path: Path) -> Encoder:
    """Load a face encoder that `save_face_encoder` wrote, to train on or to be frozen.

    Raises:
        FileNotFoundError: if a file is missing.
        ValueError: if the weights are cut off, or of something else.
    """
    tensors, described = weights.load(path)
    if not {"open_clip", "words"} <= described.keys():
        described_in = path.with_suffix(".json")
        raise ValueError(f"weights: {described_in} does not describe a face encoder (keys open_clip and words)")
    config = {"architecture": described["open_clip"], "words": described["words"]}
    return weights.build(build_face_encoder, config, tensors, f"weights {path}", lambda encoder: encoder.model)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what open_clip logs of its steps from users, to whom "initialized randomly" of weights to come is wrong."""
    log = logging.getLogger()  # it has none of its own
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)


@_quiet()
def _load_open_clip(config: GuidanceConfig) -> Encoder:
    import open_clip

    name = config.model.replace("/", "-")
    if name not in open_clip.list_models():
        close = difflib.get_close_matches(name, [*open_clip.list_models(), *SHIPPED_ENCODERS], 4, 0.3)
        raise ValueError(f"guidance.model: expected a model of open_clip, got {config.model!r}; close: {close}")
    tags = open_clip.list_pretrained_tags_by_model(name)
    if not config.weights and config.pretrained not in tags:
        raise ValueError(
            f"guidance.pretrained: expected one of {tags} for {name}, got {config.pretrained!r}; "
            "or give a local file as guidance.weights (scripts: --encoder-weights)"
        )
    local = Path(config.weights) if config.weights else None
    return _prepared(name, read_clip(name, local, config.pretrained) if local else _download(name, config.pretrained))


@_quiet()
def random_open_clip(name: str) -> Encoder:
    """Build a model of open_clip with random weights, which takes as long as a trained one: for benchmarks."""
    import open_clip

    return _prepared(name, open_clip.create_model(name, pretrained=None)).freeze()


def _prepared(name: str, model: nn.Module) -> Encoder:
    """A model of open_clip with its own tokenizer and preparation of images."""
    import open_clip

    prepared = open_clip.get_model_preprocess_cfg(model)
    size = prepared["size"] if isinstance(prepared["size"], int) else prepared["size"][0]
    return Encoder(model, open_clip.get_tokenizer(name), size, prepared["mean"], prepared["std"])


def _download(name: str, tag: str) -> nn.Module:
    import open_clip

    # OpenAI's weights were trained with a cheaper activation than the plain models of the same name.
    quick = bool((open_clip.get_pretrained_cfg(name, tag) or {}).get("quick_gelu"))
    try:
        return open_clip.create_model(name, pretrained=tag, force_quick_gelu=quick, weights_only=True)
    except (RuntimeError, OSError) as error:
        raise ConnectionError(
            f"the weights {tag} of {name} could not be downloaded ({str(error)[:200]}){where(name, tag)}, and give the "
            "file, to trainers as guidance.weights=<file>, to scripts as --encoder-weights vit_b_16=<file>, or use an "
            "encoder that needs no download: guidance=face, --encoders scoring"
        ) from error
