"""The authors' codes in folders, FLAME's parameters as the head that is edited, frames of their videos."""

import pickle

import pytest
import torch
from commands import script

from clipface.animation.load import load_motion
from clipface.edit.files import read_latents
from clipface.edit.loading import load_avatar
from clipface.edit.persons.sources import known_faces, read_subject
from clipface.head import load_head
from clipface.settings import FacesConfig, HeadConfig, RendererConfig
from scripts.recipes.originals_build.sizes import SMALL


@pytest.fixture
def avatar(flame):
    return load_avatar(flame / "stylegan_G.pth", HeadConfig("flame"), RendererConfig())


def test_a_folder_of_codes_is_read_in_the_order_of_its_names(flame, avatar, tmp_path):
    codes = read_latents(flame / "latents" / "train", avatar)
    wanted = torch.stack([torch.load(file) for file in sorted((flame / "latents" / "train").iterdir())])
    assert torch.equal(torch.cat([codes.w_plus, codes.unread], 1), wanted)
    with pytest.raises(ValueError, match="got none; a folder in it"):
        read_latents(flame / "latents", avatar)
    torch.save(wanted[0], tmp_path / "0.pt")
    (tmp_path / "._0.pt").write_bytes(b"\0\5\26\7 macOS")
    assert torch.equal(read_latents(tmp_path, avatar).w_plus, codes.w_plus[:1])
    torch.save(wanted[0, :4], tmp_path / "1.pt")
    with pytest.raises(ValueError, match=r"1\.pt: expected a code"):
        read_latents(tmp_path, avatar)


def test_numbered_codes_are_read_as_they_are_numbered(flame, avatar, tmp_path):
    codes = torch.randn(12, SMALL.levels, SMALL.dim)
    for number, code in enumerate(codes):
        torch.save(code, tmp_path / f"face{number}.pt")
    read = known_faces(FacesConfig(str(tmp_path)), avatar, 1.0)
    assert torch.equal(torch.cat([read.w_plus, read.unread], 1), codes)


def test_faces_get_the_head_of_flames_parameters(flame, avatar):
    config = FacesConfig(str(flame / "latents" / "train"), head_params=str(flame / "flame_params.pkl"))
    codes = known_faces(config, avatar, 1.0)
    given = {name: torch.from_numpy(x) for name, x in pickle.loads((flame / "flame_params.pkl").read_bytes()).items()}
    wanted = avatar.head(given["shape"], given["expression"], given["pose"]).expand(4, -1, -1)
    torch.testing.assert_close(avatar.vertices(codes), wanted)
    assert (avatar.vertices(codes._replace(pose=None)) - wanted).norm(dim=-1).max() > 1e-3
    torch.testing.assert_close(read_subject(config, avatar, 1.0, 2).codes.pose, given["pose"])
    with pytest.raises(FileNotFoundError, match=r"flame_params\.pkl or a code"):
        known_faces(FacesConfig("0:1", head_params="none.pkl"), avatar, 1.0)
    with pytest.raises(ValueError, match="expected none with photos"):
        FacesConfig(photos=["a.jpg"], head_params="flame_params.pkl")


def test_edited_heads_keep_the_pose(flame, tmp_path):
    given = ["--generator", str(flame / "stylegan_G.pth"), "--head", "flame", "--device", "cpu", "--size", "32"]
    given += ["--mapper", str(flame / "expression" / "angry.pt"), "--latents", str(flame / "latents" / "validation")]
    given += ["--head-params", str(flame / "flame_params.pkl"), "--output", str(tmp_path)]
    batch = script("edit").main(given)
    pose = torch.from_numpy(pickle.loads((flame / "flame_params.pkl").read_bytes())["pose"])
    torch.testing.assert_close(batch.edited.codes.pose, pose.expand(4, -1))


def test_frames_of_a_video_are_a_motion(flame):
    head = load_head("flame")
    motion = load_motion(flame / "talking_aligned", head, 25.0)
    frame = pickle.loads((flame / "talking_aligned" / "00003.pkl").read_bytes())
    torch.testing.assert_close(motion.pose[3:4], torch.from_numpy(frame["pose"]))
    torch.testing.assert_close(motion.expression[3:4, : SMALL.coefficients], torch.from_numpy(frame["exp"]))
