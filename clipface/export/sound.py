"""The sound of one video under the images of another."""

from pathlib import Path

from clipface.export.video import load_av
from clipface.files import replacing
from clipface.videos import opened

COPIED = ("aac", "mp3", "opus", "ac3", "alac", "flac")  # what MP4 holds and players play; any other becomes AAC


def add_sound(images: Path, source: Path, path: Path, length: float) -> bool:
    """Write an MP4 with the images of one video and the sound of another, neither encoded anew where that can be.

    Args:
        images: an MP4.
        source: any video; of several sounds the first is taken.
        path: the MP4 to write.
        length: seconds of sound at most, from the start.

    Returns:
        Whether there was a sound.

    Raises:
        FileNotFoundError, ValueError: if the source is missing, cut off, or no video.
        ImportError: if PyAV is missing; says how to get it.
    """
    av = load_av()
    options = {"movflags": "+faststart"}
    with (
        replacing(path) as partial,
        av.open(str(images)) as shown,
        opened(source) as heard,
        av.open(str(partial), "w", format="mp4", options=options) as written,
    ):
        picture = written.add_stream_from_template(shown.streams.video[0])
        sounds = heard.streams.audio
        sound = sounds[0] if sounds else None
        copied = sound is not None and sound.codec_context.name in COPIED
        if copied:
            out = written.add_stream_from_template(sound)
        elif sound is not None:
            out = written.add_stream("aac", rate=sound.codec_context.sample_rate)
        for packet in shown.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                written.mux(packet)
        if copied:
            for packet in heard.demux(sound):
                if packet.dts is not None and float(packet.pts * packet.time_base) < length:
                    packet.stream = out
                    written.mux(packet)
        elif sound is not None:
            for frame in heard.decode(sound):
                if frame.time < length:
                    written.mux(out.encode(frame))
            written.mux(out.encode(None))
    return sound is not None
