"""Speak a mel-spectrogram, or a recording's."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from torch import Tensor

    from vocoder.mel import MelSpec


def synth(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="A mel (.npy, .safetensors, .json) or a recording, or - for either on stdin.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output", "-o", help="A .wav, .flac, .mp3, .opus or .pcm file, or - for WAV on stdout."
        ),
    ],
    voice: Annotated[str | None, typer.Option(help="An installed voice, or a checkpoint's path.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same samples.")] = 0,
    temperature: Annotated[
        float | None, typer.Option(help="Scale of the noise. [default: the voice's]")
    ] = None,
    denoise: Annotated[
        float,
        typer.Option(
            help="How much of the voice's own tone in silence is taken off; say 0.1.", min=0, max=10
        ),
    ] = 0.0,
    correction: Annotated[
        int | None,
        typer.Option(
            help="Passes that bring the audio nearer to the mel. [default: the voice's]", min=0, max=8
        ),
    ] = None,
    dialect: Annotated[
        str | None, typer.Option(help="Analysis that made the mel. [default: what it says, or the voice's]")
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate a mel that cannot be converted exactly.")
    ] = False,
    device: Annotated[str, typer.Option(help="A torch device.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Say what was made, as JSON.")] = False,
) -> None:
    """Speak a mel-spectrogram, or copy a recording through its mel.

    A mel of another dialect is converted where that is exact, and otherwise refused, or estimated. A
    recording is resampled to the voice's rate, and the copy has its length.

    Examples:
      vocoder synth speech.npy -o speech.wav
      vocoder synth speech.flac -o copy.wav --voice student --seed 7 --temperature 0.8
      vocoder synth vocos.npy -o speech.wav --dialect vocos --estimate
      vocoder synth speech.npy -o - | ffplay -nodisp -autoexit -
    """
    import torch

    from vocoder.audio import ENCODERS, encoder
    from vocoder.checkpoints import DEFAULT_VOICE, load
    from vocoder.commands.console import (
        check_one_output,
        choose_by_suffix,
        print_json,
        progress,
        write_output,
    )
    from vocoder.inference.denoised import denoised
    from vocoder.inference.streaming import synthesize_blocks
    from vocoder.models.corrected import passes

    torch.set_num_threads(1)  # the blocks are too small to share: more threads only wait for each other
    check_one_output(output, as_json)
    audio_format = choose_by_suffix(output, ENCODERS, "wav")
    model = load(voice or DEFAULT_VOICE, device=device, correction=correction)
    mel, num_samples = _mel_of(source, model.mel_spec, dialect, estimate)
    outgoing = denoised(encoder(audio_format, model.sample_rate, num_samples), model, denoise)
    began = time.perf_counter()
    with progress("synthesizing", num_samples) as advance:

        def chunks() -> Iterator[bytes]:
            for block in _cut(synthesize_blocks(model, mel, seed=seed, temperature=temperature), num_samples):
                yield outgoing.encode(block)
                advance(block.numel())
            yield outgoing.finish()

        write_output(output, chunks())
    elapsed = time.perf_counter() - began
    if as_json:
        print_json(
            {
                "output": output,
                "voice": voice or DEFAULT_VOICE,
                "seed": seed,
                "temperature": model.check_temperature(temperature),
                "denoise": denoise,
                "correction": passes(model),
                "frames": mel.shape[1],
                "samples": num_samples,
                "sample_rate": model.sample_rate,
                "seconds": num_samples / model.sample_rate,
                "synthesis_seconds": elapsed,
            }
        )


def _mel_of(source: str, spec: "MelSpec", dialect: str | None, estimate: bool) -> "tuple[Tensor, int]":
    """The mel in the units of `spec`, and how many samples of audio belong to it."""
    from vocoder.audio import read
    from vocoder.commands.console import PIPE, read_input
    from vocoder.errors import AudioError, InputError
    from vocoder.inference.fitting import fit_mel
    from vocoder.mel import MelFrontend
    from vocoder.mel.files import decode_mel, detect_format

    data = read_input(source)
    file_format = detect_format(data)
    if file_format is not None:
        file = decode_mel(data, file_format)
        mel = fit_mel(file.mel, file.made_by(dialect), spec, estimate=estimate)
        return mel, spec.num_samples(mel.shape[1])
    if dialect:
        raise InputError(f"--dialect {dialect} says what made a mel, but {source} is not one")
    try:
        samples, _ = read(data if source == PIPE else source, sample_rate=spec.sample_rate)
    except AudioError as error:
        raise AudioError(f"{error}, or a mel as npy (`np.save`), safetensors or JSON") from None
    mel = MelFrontend(spec)(samples)
    return mel, min(samples.numel(), spec.num_samples(mel.shape[1]))


def _cut(blocks: "Iterator[Tensor]", num_samples: int) -> "Iterator[Tensor]":
    """Blocks until `num_samples` have come."""
    for block in blocks:
        yield block[:num_samples]
        num_samples = max(0, num_samples - block.numel())
