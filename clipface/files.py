"""The one way files are replaced, the one way tables (CSV) are read, and names of files made of words."""

import csv
import errno
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

_MAX_SLUG = 60  # file systems take 255 bytes a name; the rest of a run's folder name needs some
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) if hasattr(errno, "EDQUOT") else (errno.ENOSPC, errno.EFBIG)
MOST_COLUMNS = 2000  # of a table: a row that lacks cells gets an empty one for each
LOCK = ".lock"  # in a folder that a run is writing to
PARTIAL = ".partial"  # ends the name of a file, or of a folder, that is being written


def slug(words: object) -> str:
    """Words as a name for a file or folder: lower case, plain letters and digits, underscores."""
    plain = unicodedata.normalize("NFKD", str(words)).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")[:_MAX_SLUG] or "unnamed"


def numbered(name: str) -> tuple[tuple[str | int, ...], str]:
    """Key that sorts names as people number them: 2.pt before 10.pt."""
    pieces = re.split(r"(\d+)", name)  # every second one is a number
    return tuple(int(piece) if place % 2 else piece for place, piece in enumerate(pieces)), name


def names_of(paths: Sequence[Path]) -> list[str]:
    """Names for what is made of files: their stems; where those are alike with folders before them, then suffixes."""
    full = [Path(os.path.abspath(path)) for path in paths]
    names = [path.stem for path in full]
    for ending in (False, True):
        # Some file systems take A for a; a file that is given twice is one.
        counts = Counter(name.casefold() for name, _ in set(zip(names, full, strict=True)))
        places = [place for place, name in enumerate(names) if counts[name.casefold()] > 1]
        common = os.path.commonpath([full[place].parent for place in places]) if places else ""
        for place in places:
            path = full[place].relative_to(common)
            names[place] = "_".join((path if ending else path.with_suffix("")).parts)
    return names


def absolute(path: str | None) -> str | None:
    """A path that means the same from every working folder, to be noted in a file; None stays."""
    return None if path is None else str(Path(path).absolute())


def regular(path: str | Path, what: str, remedy: str = "") -> Path:
    """Refuse what is no regular file before it is opened: a pipe would block for ever, a device never ends.

    Args:
        path: of a file to read.
        what: it is to the user, for the messages.
        remedy: what to do about a missing file.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is a folder, a pipe, a device, a loop of links, or the name cannot be one.
    """
    path, tail = Path(path), f"; {remedy}" if remedy else ""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        raise FileNotFoundError(f"{what}: {path} does not exist{tail}") from None
    except (OSError, RuntimeError, ValueError) as error:  # a loop; a name too long or with a zero in it
        raise ValueError(f"{what}: expected a file, got {path} ({getattr(error, 'strerror', None) or error})") from None
    if not stat.S_ISREG(mode):
        raise ValueError(f"{what}: expected a file, got {path}, which is {_kind(mode)}{tail}")
    return path


def _kind(mode: int) -> str:
    return "a folder" if stat.S_ISDIR(mode) else "a pipe" if stat.S_ISFIFO(mode) else "a device"


def partial_path(path: Path) -> Path:
    """The name under which `path` is written: in the same folder, so that renaming is atomic."""
    return path.with_name(path.name + PARTIAL)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Let the block write a file under another name, then rename it; the folder is made if missing.

    A reader meets the old file or the new one, never half of either. If the block raises, what it wrote is removed and
    the old file stays.

    Args:
        path: of the file to write or to replace.

    Yields:
        The path to write to.

    Example:
        >>> with replacing(folder / "weights.safetensors") as partial:
        ...     save_file(tensors, partial)
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_path(path)
    try:
        yield partial
        os.replace(partial, path)
    except BaseException as error:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in FULL and error.filename is None:  # a write names no file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def locked(folder: str | Path, what: str, name: str = LOCK, seconds: float = 0) -> Iterator[None]:
    """Keep other runs off a folder, which is made if missing, while the block runs; a run that was killed keeps nobody.

    Args:
        folder: that is written to.
        what: it is to the user, for the message.
        name: of the file by which it is known; runs that keep off each other have the same.
        seconds: that another run is waited for.

    Raises:
        ValueError: if another run is writing to it.
        OSError: if nothing can be written there.
    """
    from filelock import FileLock, Timeout

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / name, timeout=seconds)
    try:
        lock.acquire()
    except Timeout:
        raise ValueError(f"{what}: another run is writing to {folder}; wait for it, end it, or use another") from None
    try:
        yield
    finally:
        lock.release()
        with suppress(OSError):  # of another run by now
            (folder / name).unlink(missing_ok=True)


def write_atomic(path: str | Path, content: bytes | str) -> Path:
    """Write a file that is either the old or the new one, never half (see `replacing`).

    Args:
        path: of the file; its folder is made if missing.
        content: text is written as UTF-8.

    Returns:
        The path.
    """
    with replacing(path) as partial:
        partial.write_bytes(content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content)
    return Path(path)


def read_table(path: str | Path, columns: Sequence[str], name: str = "table") -> list[dict[str, str]]:
    """Read a CSV file whose first line names its columns (UTF-8, with or without a byte order mark).

    Args:
        path: of the file.
        columns: names that must be there; others may be.
        name: what the table is to the user, for the messages.

    Returns:
        A dictionary from column to text for each row; cells that a row lacks are empty.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if a column is missing, or the file is no CSV in UTF-8.
    """
    expected = ", ".join(columns)
    path = regular(path, name, f"expected a CSV file with columns {expected}")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, restval="")
            given = list(reader.fieldnames or ())
            if len(given) > MOST_COLUMNS:
                raise csv.Error(f"{len(given)} columns, at most {MOST_COLUMNS} are read")
            rows = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{name}: expected a CSV file in UTF-8, got {path} ({error}); export it again") from error
    missing = [column for column in columns if column not in given]
    if missing:
        raise ValueError(
            f"{name}: expected columns {expected} in {path}, got {', '.join(given) or 'an empty file'}; "
            f"name {', '.join(missing)} in its first line"
        )
    return rows


def read_list(path: str | Path) -> list[str]:
    """Read a text file of one entry a line (UTF-8); empty lines and those that begin with # are left out.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: if it is no text in UTF-8.
    """
    path = regular(path, "list")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError(f"list: expected text in UTF-8, got {path} ({error})") from error
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]
