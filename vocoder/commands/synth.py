"""Speak a mel-spectrogram, or a recording's."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from torch import Tensor

    from vocoder.mel import MelSpec
    from vocoder.models import Vocoder


def synth(
    source: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE...",
            help="Mels (.npy, .npz, .pt, .safetensors, .json) or recordings, or - for one on stdin.",
        ),
    ],
    output: Annotated[
        str,
        typer.Option(
            "--output",
            "-o",
            help="A .wav, .flac, .mp3, .opus or .pcm file, - for WAV on stdout, or a folder for all sources.",
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
        str | None,
        typer.Option(
            help="Analysis that made the mels, by name or as a JSON or YAML file. "
            "[default: what they say, or the voice's]"
        ),
    ] = None,
    estimate: Annotated[
        bool, typer.Option("--estimate", help="Estimate a mel that cannot be converted exactly.")
    ] = False,
    audio_format: Annotated[
        str | None, typer.Option("--format", help="Of the files in a folder. [default: wav]")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device.")] = "cpu",
    as_json: Annotated[bool, typer.Option("--json", help="Say what was made, as JSON.")] = False,
) -> None:
    """Speak mel-spectrograms, or copy recordings through their mels.

    A mel of another dialect is converted where that is exact, and otherwise refused, or estimated. A
    recording is resampled to the voice's rate, and the copy has its length. Several sources, or a folder as
    output: each gives a file of its name there. One that cannot be spoken is told, and the others are.

    Examples:
      vocoder synth speech.npy -o speech.wav
      vocoder synth speech.flac -o copy.wav --voice student --seed 7 --temperature 0.8
      vocoder synth mels/*.npy -o spoken/ --format flac
      vocoder synth vocos.npy -o speech.wav --dialect vocos --estimate
      vocoder synth speech.npy -o - | ffplay -nodisp -autoexit -
    """
    import torch

    from vocoder.checkpoints import DEFAULT_VOICE, load
    from vocoder.commands.console import check_one_output, print_json
    from vocoder.errors import VocoderError
    from vocoder.models.corrected import passes

    torch.set_num_threads(1)  # the blocks are too small to share: more threads only wait for each other
    check_one_output(output, as_json)
    outputs = _outputs(source, output, audio_format)
    model = load(voice or DEFAULT_VOICE, device=device, correction=correction)
    speaker = Speaker(model, seed, model.check_temperature(temperature), denoise, dialect, estimate)
    about = {
        "voice": voice or DEFAULT_VOICE,
        "seed": seed,
        "temperature": speaker.temperature,
        "denoise": denoise,
        "correction": passes(model),
        "sample_rate": model.sample_rate,
    }
    made, failed = [], False
    for name, target in outputs.items():
        try:
            made.append({"output": target, **about, **speaker.speak(name, target)})
        except VocoderError as error:
            if len(outputs) == 1:
                raise
            failed = True
            typer.echo(f"vocoder: {name}: {error}", err=True)
    if as_json:
        print_json(made if _is_folder(output) else made[0])
    if failed:
        raise typer.Exit(1)


def _is_folder(output: str) -> bool:
    return output.endswith("/") or Path(output).is_dir()


def _outputs(sources: list[str], output: str, audio_format: str | None) -> dict[str, str]:
    """Where each source goes; raises `InputError` where two would go to one place."""
    from vocoder.audio import ENCODERS
    from vocoder.commands.console import PIPE, choose_by_suffix
    from vocoder.errors import InputError

    if not _is_folder(output):
        if len(sources) > 1:
            raise InputError(
                f"output {output}: {len(sources)} sources need a folder: -o {Path(output).stem}/"
            )
        if audio_format is not None:
            raise InputError(f"--format {audio_format} is of the files in a folder; {output} names its own")
        choose_by_suffix(output, ENCODERS, "wav")
        return {sources[0]: output}
    chosen = choose_by_suffix(f"--format .{audio_format or 'wav'}", ENCODERS, "wav")
    outputs: dict[str, str] = {}
    owners: dict[str, str] = {}
    for source in dict.fromkeys(sources):
        target = str(Path(output) / f"{'stdin' if source == PIPE else Path(source).stem}.{chosen}")
        if (other := owners.setdefault(target.casefold(), source)) != source:
            raise InputError(f"{other} and {source} would both become {target}: give them one at a time")
        if Path(target).resolve() == Path(source).resolve():
            raise InputError(f"{source} would be written over by its own copy: choose another folder")
        outputs[source] = target
    return outputs


class Speaker(NamedTuple):
    """A voice, and how it is to speak."""

    model: "Vocoder"
    seed: int
    temperature: float
    denoise: float
    dialect: str | None
    estimate: bool

    def speak(self, source: str, output: str) -> dict[str, Any]:
        """Write one source's audio; what was made."""
        from vocoder.audio import ENCODERS, encoder
        from vocoder.commands.console import choose_by_suffix, progress, write_output
        from vocoder.inference.denoised import denoised
        from vocoder.inference.streaming import synthesize_blocks

        model = self.model
        mel, num_samples = _mel_of(source, model.mel_spec, self.dialect, self.estimate)
        plain = encoder(choose_by_suffix(output, ENCODERS, "wav"), model.sample_rate, num_samples)
        outgoing = denoised(plain, model, self.denoise)
        blocks = synthesize_blocks(model, mel, seed=self.seed, temperature=self.temperature)
        began = time.perf_counter()
        with progress("synthesizing", num_samples) as advance:

            def chunks() -> Iterator[bytes]:
                for block in _cut(blocks, num_samples):
                    yield outgoing.encode(block)
                    advance(block.numel())
                yield outgoing.finish()

            write_output(output, chunks())
        return {
            "frames": mel.shape[1],
            "samples": num_samples,
            "seconds": num_samples / model.sample_rate,
            "synthesis_seconds": time.perf_counter() - began,
        }


def _mel_of(source: str, spec: "MelSpec", dialect: str | None, estimate: bool) -> "tuple[Tensor, int]":
    """The mel in the units of `spec`, and how many samples of audio belong to it."""
    from vocoder.audio import read
    from vocoder.commands.console import PIPE, analysis, read_input
    from vocoder.errors import AudioError, InputError
    from vocoder.inference.fitting import fit_mel
    from vocoder.mel import MelFrontend
    from vocoder.mel.archives import decode_archive, is_archive
    from vocoder.mel.files import decode_mel, detect_format

    data = read_input(source)
    file_format = detect_format(data)
    if file_format is not None or is_archive(data):
        file = decode_mel(data, file_format) if file_format is not None else decode_archive(data)
        mel = fit_mel(file.mel, file.made_by(analysis(dialect) if dialect else None), spec, estimate=estimate)
        return mel, spec.num_samples(mel.shape[1])
    if dialect:
        raise InputError(f"--dialect {dialect} says what made a mel, but {source} is not one")
    try:
        samples, _ = read(data if source == PIPE else source, sample_rate=spec.sample_rate)
    except AudioError as error:
        raise AudioError(f"{error}, or a mel as npy (`np.save`), npz, pt, safetensors or JSON") from None
    mel = MelFrontend(spec)(samples)
    return mel, min(samples.numel(), spec.num_samples(mel.shape[1]))


def _cut(blocks: "Iterator[Tensor]", num_samples: int) -> "Iterator[Tensor]":
    """Blocks until `num_samples` have come."""
    for block in blocks:
        yield block[:num_samples]
        num_samples = max(0, num_samples - block.numel())
