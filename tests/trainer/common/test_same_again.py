"""Two runs of one seed on a GPU end in the same weights, through the commands; on the CPU, interrupted runs show it."""

import launcher
import pytest
from small_trainings import ANCHORED, ENCODER, GAN
from tiny_anchored import write_textures

TRAININGS = {
    "texture_gan": GAN,
    "texture_gan, anchored": ANCHORED,
    "face_encoder": ENCODER,
    "face_encoder, two images": [*ENCODER, "batch_size=2"],
    "text_mapper": ["guidance=face"],
    "video_mapper": ["prompt=zombie", "sequence=laugh"],
}


@pytest.mark.cuda
@pytest.mark.parametrize("name", TRAININGS)
def test_two_runs_of_one_seed_have_the_same_weights_on_a_gpu(tmp_path, name):
    common = ["trainer.accelerator=gpu", "trainer.deterministic=true", "trainer.minutes=null", "trainer.steps=6"]
    if name.endswith("anchored"):
        common.append(f"dataset.textures={write_textures(tmp_path / 'textures')}")
    results = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        module = f"trainer.{name.partition(',')[0]}"
        code, written = launcher.run("-m", module, *TRAININGS[name], *common, f"hydra.run.dir={folder}")
        assert code == 0, written
        results.append({path.name: path.read_bytes() for path in folder.glob("*.safetensors")})
    assert results[0] and results[0] == results[1]
