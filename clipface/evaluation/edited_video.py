"""What edit.py --video writes: a video with the edited face in it."""

import argparse
import time
from pathlib import Path

from clipface.edit.into_photo.video import follow_face, person_of_video, write_edited_video
from clipface.edit.loading import load_editor
from clipface.edit.options import avatar_options
from clipface.evaluation.faces import EditedBatch, edit_batch
from clipface.settings import PERSON_SUFFIX


def edit_video(options: argparse.Namespace) -> EditedBatch:
    """Edit the face of a video, write it into `output`, and print what came of it.

    Args:
        options: of scripts/edit.py; `output` gets `NAME_edited.mp4` and the person.

    Returns:
        The edited face.

    Raises:
        FileNotFoundError, ValueError: if the video cannot be read or shows no face.
    """
    editor, folder, source = load_editor(options.mapper, **avatar_options(options)), options.output, options.video
    folder.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    followed = follow_face(source)
    person = person_of_video(source, followed, editor.avatar, options.texture_size)
    print(f"Person: {person.save(folder / f'{source.stem}{PERSON_SUFFIX}')}", flush=True)
    batch = edit_batch(editor, person.codes(editor.avatar), options.strength, options.mix)
    path: Path = folder / f"{source.stem}_edited.mp4"
    passed = write_edited_video(source, path, followed, editor.avatar, person, batch.textures, batch.edited)
    count, seconds = len(followed.points), time.perf_counter() - started
    print(f"{count} frames, {count / seconds:.2f} a second; {passed} without a face are as they were")
    print(f"Video: {path}")
    return batch
