"""What `.mat`, `.npz` and pickle files hold, by name, read without running code in them."""

from pathlib import Path
from typing import Any

from clipface import pickles
from clipface.arrays import read_arrays
from clipface.matlab import read_mat


def read_content(path: Path) -> Any:
    """Read a file; its suffix says of which kind it is, any other than .mat and .npz a pickle.

    Returns:
        Arrays by name; of a pickle whatever it holds, of what `pickles.load` allows.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if the file is cut off, damaged or of another kind, or a pickle holds more than is allowed.
    """
    if path.suffix.lower() == ".mat":
        return read_mat(path)
    if path.suffix.lower() == ".npz":
        return read_arrays(path, "arrays", finite=False)
    return pickles.load(path)
