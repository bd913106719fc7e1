"""Whether an encoder can read a text: asked before anything starts, so without weights and, if possible, PyTorch.

Example:
    >>> check_text("a photo of a zombi", named_guidance("face"))
    UnreadableText: text: face_encoder knows no word of 'a photo of a zombi' ... nearest that it knows: zombie ...
"""

import difflib
import importlib.util
import textwrap
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from clipface import assets
from clipface.documents import read_json
from clipface.files import read_table
from clipface.guidance.pieces import FRAMES, LONGEST, installed_folder, read_pieces
from clipface.guidance.vocabulary import FRAME_WORDS, Vocabulary, foreign_words, split
from clipface.settings import SHIPPED_ENCODERS, GuidanceConfig

SENTENCES = 'guidance=face_sentences reads other English words (pip install -e ".[words]")'
LARGER = "guidance=vit_b_32 knows more"
OTHER_SCRIPT = (
    "say it in English, or choose an encoder of many languages: "
    "guidance=vit_b_32 guidance.model=xlm-roberta-base-ViT-B-32 guidance.pretrained=laion5b_s13b_b90k"
)
_LONGEST_SHOWN = 160  # characters of a text in a message
_SHOWN = 4  # phrases that are offered
_ALIKE = 0.8  # of difflib: a word that is taken for one spelt wrongly
_SHORTEST_CONTEXT = 64  # tokens of open_clip's models; each is at least a byte
_NOUNS = {"skin": "skin", "eyes": "eyes", "hair_colour": "hair", "makeup": "makeup", "lipstick": "lipstick"}


class UnreadableText(ValueError):
    """A text of which an encoder knows nothing that matters."""


def check_prompt(prompt: dict[str, Any], guidance: GuidanceConfig) -> list[str]:
    """Check the phrases of a prompt.

    Args:
        prompt: `target`, and perhaps `source`, `negative` and `templates`, as `DirectionalLoss` takes them.
        guidance: the encoder, with its `also`.

    Returns:
        Warnings, without repetition.

    Raises:
        UnreadableText: see `check_text`.
    """
    templates = [template for template in prompt.get("templates") or ["{}"] if template.count("{}") == 1]
    longest = max(templates, key=len, default="{}")
    phrases = [phrase for phrase in (prompt.get(key) for key in ("target", "source", "negative")) if phrase]
    return list(dict.fromkeys(line for phrase in phrases for line in check_text(phrase, guidance, longest)))


def check_text(text: str, guidance: GuidanceConfig, template: str = "{}") -> list[str]:
    """Check a text for all encoders that are to read it.

    Args:
        text: any.
        guidance: the encoder, with its `also`.
        template: a sentence with {}, in which the text is read.

    Returns:
        Warnings: words that are not known, with known phrases that are near; what is too long and left out.

    Raises:
        UnreadableText: if an encoder knows no word that says what a face should become, or not the script.
        FileNotFoundError, ModuleNotFoundError: if an encoder's file or package is missing.
    """
    found: list[str] = []
    for config in guidance.every():
        if config.model not in SHIPPED_ENCODERS:
            found += _check_open_clip(text, config.model.replace("/", "-"), template)
        elif (vocabulary := _vocabulary(config)) is not None:
            read = _check_sentences if config.text == "sentences" else _check_words
            found += read(text, vocabulary, config.model, template)
    return list(dict.fromkeys(found))


def as_installed(guidance: GuidanceConfig) -> GuidanceConfig:
    """The same encoder, with its sentence encoder where it has one and the extra `words` is installed, else without."""
    if guidance.model not in SHIPPED_ENCODERS:
        return guidance
    try:
        installed_folder()
        found = importlib.util.find_spec("tokenizers") is not None
    except ModuleNotFoundError:
        found = False
    return replace(guidance, text="sentences" if found else "words")


def nearest_phrases(text: str, vocabulary: Vocabulary) -> list[str]:
    """Phrases that a vocabulary knows and that are near to the unknown words of a text, the nearest first.

    Near is what data/synonyms.csv gives the same meaning, or a word that is spelt alike.
    """
    unknown = [word for word in vocabulary.unknown_words(text) if word.isascii() and word not in FRAME_WORDS]
    alike = [found for word in unknown for found in difflib.get_close_matches(word, vocabulary.words, 2, _ALIKE)]
    sought = [word for word in split(text) if word not in FRAME_WORDS]
    ranked: dict[str, int] = {}
    for row in read_table(assets.resolve("synonyms"), ("attribute", "value", "phrase"), "synonyms"):
        said = [word for word in split(row["phrase"]) if word not in FRAME_WORDS]
        if not set(unknown) & set(said):
            continue
        phrase = f"{row['value']} {_NOUNS.get(row['attribute'], '')}".replace("_", " ").strip()
        if row["value"] != "none" and not vocabulary.unknown_words(phrase):
            rank = (said != sought) + (len(said) > 1) + (not set(sought) <= set(said))
            ranked[phrase] = min(rank, ranked.get(phrase, rank))
    return list(dict.fromkeys([*alike, *sorted(ranked, key=lambda phrase: ranked[phrase])]))[:_SHOWN]


def _vocabulary(config: GuidanceConfig) -> Vocabulary | None:
    """The words of a face encoder; None if its description is missing or damaged, which loading tells."""
    path = Path(config.weights) if config.weights else assets.resolve(config.model)
    try:
        described = read_json(path.with_suffix(".json"), "weights")
        return Vocabulary(described["words"], described["open_clip"]["text_cfg"]["context_length"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def _check_words(text: str, vocabulary: Vocabulary, name: str, template: str) -> list[str]:
    _refuse_without_words(text, name)
    unknown, found = [word for word in vocabulary.unknown_words(text) if word not in FRAME_WORDS], []
    if unknown:
        near = nearest_phrases(text, vocabulary)
        more = "; ".join(([f"nearest that it knows: {', '.join(near)}"] if near else []) + [f"{SENTENCES}, {LARGER}"])
        if not vocabulary.telling_words(text):
            words = f"knows no word of {_short(text)} that says what a face should become"
            raise UnreadableText(f"text: {name} {words} (unknown: {', '.join(unknown)}); {more}")
        found.append(f"{name} does not know {', '.join(unknown)} of {_short(text)} and leaves that out; {more}")
    return found + _cut(text, name, vocabulary.cut(template.replace("{}", text)))


def _check_sentences(text: str, vocabulary: Vocabulary, name: str, template: str) -> list[str]:
    if not vocabulary.unknown_words(text):
        return _check_words(text, vocabulary, name, template)
    name, foreign = "the sentence encoder", foreign_words(text)
    _refuse_without_words(text, name)
    found = [f"{name} reads English, not {', '.join(foreign)} of {_short(text)}; {OTHER_SCRIPT}"] if foreign else []
    return found + _cut(text, name, _cut_pieces(template.replace("{}", text)))


def _refuse_without_words(text: str, name: str) -> None:
    """Refuse a text of which nothing that matters is left once other scripts and signs are gone."""
    words, foreign = split(text), foreign_words(text)
    if foreign and not set(words) - FRAME_WORDS:
        raise UnreadableText(f"text: {name} reads Latin letters only, and nothing of {_short(text)}; {OTHER_SCRIPT}")
    if not words:
        raise UnreadableText(f"text: expected words, got {_short(text)}, of which {name} reads nothing")


def _check_open_clip(text: str, name: str, template: str) -> list[str]:
    framed = template.replace("{}", text)
    foreign = foreign_words(text)
    if not foreign and len(framed.encode()) <= _SHORTEST_CONTEXT - 2:
        return []
    import open_clip

    described = (open_clip.get_model_config(name) or {}).get("text_cfg", {})
    if not described or described.get("hf_tokenizer_name"):
        return []  # a tokenizer of its own, often of many languages; loading tells of a name that does not exist
    said = f"{name} was trained on English, and may not know {', '.join(foreign)}; {OTHER_SCRIPT}"
    found = [said] if foreign else []
    tokenizer = open_clip.get_tokenizer(name)
    return found + _cut(text, name, tokenizer.decode(tokenizer.encode(framed)[tokenizer.context_length - 2 :]))


def _cut(text: str, name: str, left_out: str) -> list[str]:
    said = f"{_short(text)} is too long for {name}, which leaves out: {_short(left_out)}"
    return [said] if left_out.strip() else []


def _short(text: str) -> str:
    return repr(textwrap.shorten(text, _LONGEST_SHOWN, placeholder=" ..."))


def _cut_pieces(text: str) -> str:
    """What the sentence encoder leaves out of a text in the frame that leaves it the least room."""
    framed = max((frame.format(text) for frame in FRAMES), key=len)
    if len(framed) <= LONGEST - 2:  # a piece is at least a character
        return ""
    pieces = read_pieces(installed_folder() / "tokenizer.json")
    pieces.no_truncation()
    places: Sequence[tuple[int, int]] = pieces.encode(framed, add_special_tokens=False).offsets
    return framed[places[LONGEST - 2][0] :] if len(places) > LONGEST - 2 else ""
