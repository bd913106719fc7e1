"""A sentence encoder as small as it gets, in the files of a BERT."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

WIDTH, HIDDEN, HEADS, LAYERS, POSITIONS = 8, 12, 2, 2, 16
LETTERS = "abcdefghijklmnopqrstuvwxyz"
PIECES = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]


def write_bert(folder: Path, seed: int = 0) -> Path:
    """Write model.safetensors, config.json and tokenizer.json; words are spelt letter by letter."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    folder.mkdir(exist_ok=True)
    torch.manual_seed(seed)
    stored = {
        "embeddings.word_embeddings.weight": torch.randn(len(PIECES), WIDTH),
        "embeddings.position_embeddings.weight": torch.randn(POSITIONS, WIDTH),
        "embeddings.token_type_embeddings.weight": torch.randn(2, WIDTH),
        "pooler.dense.weight": torch.randn(WIDTH, WIDTH),
    }
    shapes = {"embeddings.LayerNorm": (WIDTH,)}
    for layer in range(LAYERS):
        name = f"encoder.layer.{layer}"
        shapes |= {f"{name}.attention.self.{part}": (WIDTH, WIDTH) for part in ("query", "key", "value")}
        shapes |= {f"{name}.attention.output.dense": (WIDTH, WIDTH), f"{name}.attention.output.LayerNorm": (WIDTH,)}
        shapes |= {f"{name}.intermediate.dense": (HIDDEN, WIDTH), f"{name}.output.dense": (WIDTH, HIDDEN)}
        shapes |= {f"{name}.output.LayerNorm": (WIDTH,)}
    for name, shape in shapes.items():
        stored[f"{name}.weight"] = torch.randn(shape) * 0.5 + (len(shape) == 1)
        stored[f"{name}.bias"] = torch.randn(shape[0]) * 0.1
    save_file(stored, folder / "model.safetensors")
    described = {
        "model_type": "bert", "hidden_act": "gelu", "hidden_size": WIDTH, "intermediate_size": HIDDEN,
        "num_attention_heads": HEADS, "num_hidden_layers": LAYERS, "max_position_embeddings": POSITIONS,
        "vocab_size": len(PIECES), "layer_norm_eps": 1e-12,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(described), encoding="utf-8")
    pieces = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(PIECES)}, unk_token="[UNK]"))
    pieces.normalizer = normalizers.BertNormalizer(lowercase=True)
    pieces.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    pieces.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    pieces.save(str(folder / "tokenizer.json"))
    return folder
