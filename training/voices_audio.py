"""What the installed voices sound like: the recordings that ship, said by each, as files and players."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from jaxtyping import Float
from torch import Tensor

from vocoder.audio import read, resample, write
from vocoder.checkpoints import load
from vocoder.evaluation import GriffinLim, plot_comparison
from vocoder.mel import DIALECTS, MelFrontend
from vocoder.samples import SAMPLES, TRANSCRIPTS

SPEC = DIALECTS["nvidia"]
"""The analysis and the rate of all that is heard and shown together."""


def write_players(voices: Mapping[str, Path], folder: Path) -> Iterator[str]:
    """Write MP3 files and a picture of each recording into `folder`; lines of Markdown with players.

    Links are relative to the parent of `folder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for sample, path in SAMPLES.items():
        yield f"*{TRANSCRIPTS[sample]}* ({sample})"
        yield ""
        yield "| | |"
        yield "| --- | --- |"
        heard = dict(_said(path, voices))
        for system, audio in heard.items():
            file = folder / f"{sample}-{system}.mp3"
            write(file, audio.clamp(-1, 1), SPEC.sample_rate)
            link = f"{folder.name}/{file.name}"
            yield f'| [{system}]({link}) | <audio controls preload="none" src="{link}"></audio> |'
        picture = folder / f"{sample}.jpg"
        plot_comparison(picture, heard, SPEC.sample_rate, MelFrontend(SPEC))
        yield ""
        yield f"![{sample}: waveform and mel of each]({folder.name}/{picture.name})"
        yield ""


def _said(path: Path, voices: Mapping[str, Path]) -> Iterator[tuple[str, Float[Tensor, "sample"]]]:
    """The recording, Griffin-Lim's and every voice's version of it, of one length and rate."""
    recording, _ = read(path, sample_rate=SPEC.sample_rate)
    yield "recording", recording
    yield "griffin-lim", GriffinLim(SPEC).generate(recording, SPEC.sample_rate)[0][: len(recording)]
    for name, checkpoint in voices.items():
        voice = load(checkpoint)
        mel = MelFrontend(voice.mel_spec)(resample(recording, SPEC.sample_rate, voice.sample_rate))
        said = resample(voice.synthesize(mel), voice.sample_rate, SPEC.sample_rate)
        yield name, said[: len(recording)]
