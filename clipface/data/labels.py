"""What tables of labels say of people on photographs: age and gender, each in a column, or the age in a prompt."""

import re
from collections.abc import Mapping

SEXES = {"female": "woman", "woman": "woman", "male": "man", "man": "man"}


def sex_of(row: Mapping[str, str]) -> str:
    """`woman` or `man` by the column gender; empty: not known."""
    return SEXES.get((row.get("gender") or "").lower(), "")


def years_of(row: Mapping[str, str], added: float = 0.0) -> float | None:
    """Age in years by the column age, or else by words such as "a 34-year-old man" in the column prompt.

    Args:
        row: of the table.
        added: to ages that are a guess.

    Returns:
        None: not known.
    """
    written = re.match(r"\d+", row.get("age") or "") or re.search(r"\d+(?=[- ]year)", row.get("prompt") or "")
    return float(written[0]) + added if written else None
