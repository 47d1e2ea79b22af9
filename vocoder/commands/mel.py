"""Turn a recording into a mel-spectrogram."""

from typing import Annotated, get_args

import typer


def mel(
    audio: Annotated[
        str,
        typer.Argument(
            metavar="AUDIO", help="A recording of any format that libsndfile reads, or - for stdin."
        ),
    ],
    output: Annotated[
        str,
        typer.Option("--output", "-o", help="A .npy, .safetensors or .json file, or - for .npy on stdout."),
    ],
    dialect: Annotated[
        str | None,
        typer.Option(
            help="The analysis, by name or as a JSON or YAML file. [default: the voice's, or nvidia]"
        ),
    ] = None,
    voice: Annotated[str | None, typer.Option(help="The analysis that this voice reads.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Say what was written, as JSON.")] = False,
) -> None:
    """Turn a recording into a mel-spectrogram: float32, bands x frames.

    The recording is resampled to the rate of the analysis; safetensors and JSON also say which one it was.

    Examples:
      vocoder mel speech.flac -o speech.npy
      vocoder mel speech.wav -o speech.safetensors --dialect vocos
      vocoder mel speech.wav -o - | vocoder synth - -o again.wav
    """
    from vocoder.audio import read
    from vocoder.checkpoints import read_info, voice_path
    from vocoder.commands.console import (
        analysis,
        check_one_output,
        choose_by_suffix,
        print_json,
        write_output,
    )
    from vocoder.mel import MelFrontend, dialect_of
    from vocoder.mel.files import FileFormat, encode_mel

    check_one_output(output, as_json)
    file_format = choose_by_suffix(output, get_args(FileFormat), "npy")
    spec = read_info(voice_path(voice)).mel_spec if voice and not dialect else analysis(dialect or "nvidia")
    samples, _ = read(audio, sample_rate=spec.sample_rate)
    frames = MelFrontend(spec)(samples)
    write_output(output, [encode_mel(frames, spec, file_format)])
    if as_json:
        print_json(
            {
                "output": output,
                "shape": list(frames.shape),
                "seconds": samples.numel() / spec.sample_rate,
                "sample_rate": spec.sample_rate,
                "dialect": dialect_of(spec),
                "fingerprint": spec.fingerprint,
            }
        )
