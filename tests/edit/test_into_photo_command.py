"""edit.py --into-photo through the command line."""

import numpy as np
import pytest
from PIL import Image

from clipface.export.edited_image import SOURCE_TYPE
from scripts.edit import main

pytest.importorskip("onnxruntime")


def test_a_photograph_gets_the_edited_face(tmp_path, painted):
    photograph = tmp_path / "me.png"
    Image.fromarray(painted(1, 400, seed=1).images[0]).save(photograph)
    options = ["--mapper", "look:clown", "--texture-size", "256", "--size", "64", "--output", str(tmp_path / "out")]
    main(["--photo", str(photograph), *options, "--into-photo"])
    with Image.open(tmp_path / "out" / "me_edited.png") as file:
        edited = np.asarray(file).astype(int)
        assert SOURCE_TYPE.encode() in file.info["xmp"]
    with Image.open(photograph) as file:
        moved = np.abs(edited - np.asarray(file)).max(-1)
    assert moved.shape == (400, 400)
    assert 0.02 < np.mean(moved > 20) < 0.6
    assert not moved[:8].any()
    assert (tmp_path / "out" / "photographs.png").is_file()


def test_a_person_without_photographs_is_refused(tmp_path):
    with pytest.raises(ValueError, match="into_photo: expected photographs"):
        main(["--latents", "0:1", "--mapper", "look:clown", "--into-photo", "--size", "64", "--output", str(tmp_path)])
