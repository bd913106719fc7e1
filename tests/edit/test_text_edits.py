"""Edits by any words, with the shipped text mapper: through the commands that users type."""

import launcher
import pytest
import torch
from commands import script

from clipface.edit.avatar import Avatar
from clipface.edit.loading import load_avatar, load_editor, load_mapper
from clipface.edit.sampling import sample_latents
from clipface.settings import HeadConfig, RendererConfig


@pytest.fixture(scope="module")
def avatar() -> Avatar:
    return load_avatar(None, HeadConfig(), RendererConfig())


def colours(avatar: Avatar, words: str) -> torch.Tensor:
    """Mean colour [B, 3] of cheeks and nose in the generator's textures of 128² after an edit."""
    codes = sample_latents(avatar, range(3), 1.0)
    edited = load_mapper(f"text:{words}", avatar)(codes)
    with torch.no_grad():
        return avatar.texture(edited.w_plus, 128)[..., 48:65, 45:83].mean((2, 3))


def test_words_do_what_they_say(avatar):
    plain, ghost, witch = (colours(avatar, words) for words in ("a face", "a ghost", "a green witch"))
    assert (ghost.mean(1) > plain.mean(1)).all()
    assert (witch[:, 1] > witch[:, 0]).all() and (plain[:, 1] < plain[:, 0]).all()


def test_a_degree_makes_less_or_more_of_it_and_nothing_asked_for_changes_nothing(avatar):
    codes = sample_latents(avatar, range(2), 1.0)
    slight, plain, much = (
        (load_mapper(f"text:{words}", avatar)(codes).w_plus - codes.w_plus).norm()
        for words in ("slightly old person", "old person", "extremely old person")
    )
    assert 0.3 * plain < slight < 0.7 * plain and 1.2 * plain < much < 2 * plain
    nothing = load_mapper("text:a photo of a face", avatar)(codes)
    assert torch.equal(nothing.w_plus, codes.w_plus) and torch.equal(nothing.expression, codes.expression)


def test_a_smile_comes_and_goes(avatar):
    slots = [avatar.head.expression_names.index(f"mouthSmile{side}") for side in ("Left", "Right")]
    codes = sample_latents(avatar, [1], 1.0)
    smiling = load_mapper("text:a smiling person", avatar)(codes)
    assert (smiling.expression[:, slots] > 0.5).all()
    serious = load_mapper("text:not smiling", avatar)(smiling)
    assert (serious.expression[:, slots] < 0.6 * smiling.expression[:, slots]).all()


def test_a_beard_that_is_there_is_taken_away_again(avatar):
    codes = sample_latents(avatar, range(3), 1.0)
    bearded = load_mapper("look:beard", avatar)(codes)
    shaven = load_mapper("text:without a beard", avatar)(bearded)
    assert (shaven.w_plus - codes.w_plus).norm() < 0.6 * (bearded.w_plus - codes.w_plus).norm()


def test_the_command_edits_by_a_prompt_without_a_run(tmp_path, capsys):
    words = ["--prompt", "a clown", "slightly smiling", "--latents", "0:1", "--size", "32", "--output", str(tmp_path)]
    script("edit").main(words)
    assert (tmp_path / "faces.png").is_file()
    first = capsys.readouterr().out.splitlines()[0]
    assert "text:a clown, text:slightly smiling" in first or "text:a photo of a clown" in first


def test_words_that_cannot_be_read_end_the_command_before_anything_starts(tmp_path):
    for words, said in (("зомби", "зомби"), ("", "expected words")):
        given = ("--prompt", words, "--latents", "0:1", "--output", str(tmp_path / "x"))
        code, written = launcher.run("scripts/edit.py", *given)
        assert code == 2 and said in written and "Traceback" not in written
        assert not (tmp_path / "x").exists()


def test_an_edit_is_asked_for(capsys):
    with pytest.raises(SystemExit):
        script("edit").main(["--latents", "0:1", "--output", "x"])
    assert '--prompt "any words"' in capsys.readouterr().err


def test_another_generator_is_refused(avatar):
    other = Avatar(avatar.generator, avatar.head, avatar.renderer, generator_sha256="0" * 64)
    with pytest.raises(ValueError, match="text mapper .*: expected one of generator 000000000000.*trainer.text_mapper"):
        load_mapper("text:a zombie", other)


def test_words_and_looks_are_mixed(avatar):
    editor = load_editor(["text:a sad person", "look:zombie"])
    assert len(editor.mappers) == 2 and editor.mappers[0].config["affine"]
