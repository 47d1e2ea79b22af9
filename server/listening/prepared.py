"""A test made ready in a folder: its sounds, its definition, its answers. Made again, it is the same one."""

import hashlib
import secrets
from collections.abc import Callable, Sequence
from pathlib import Path

from server.listening.definition import (
    FILE,
    LOW_ANCHOR,
    MID_ANCHOR,
    MOST,
    RECORDING,
    Kind,
    ListeningTest,
    read_test,
)
from server.listening.stimuli import LOUDNESS, make_stimuli
from vocoder.checkpoints import read_info, voice_path
from vocoder.checkpoints.format import write_atomically
from vocoder.commands.evaluate import VoiceSystem
from vocoder.errors import InputError
from vocoder.evaluation import Clip, System, baseline
from vocoder.mel import mel_spec


def prepare_test(
    folder: Path,
    clips: Sequence[Clip],
    voices: Sequence[str],
    baselines: Sequence[str] = (),
    *,
    title: str = "Listening test",
    kinds: Sequence[Kind] = (Kind.MOS, Kind.MUSHRA),
    mid_anchor: bool = False,
    seed: int = 0,
    advance: Callable[[int], None] = lambda amount: None,
) -> ListeningTest:
    """The test of `folder`, begun there or gone on with.

    Raises:
        InputError: nothing to compare, too much of it, two things of one name, or a folder that holds
            another test.
        UnknownVoice, ConfigError: a voice or a baseline that there is not.
    """
    specs = [read_info(voice_path(name)).mel_spec for name in voices]
    spec = [*specs, mel_spec("nvidia")][0]
    systems: list[tuple[System, str]] = [
        *((VoiceSystem(name), _content(voice_path(name))) for name in voices),
        *((baseline(name, spec), f"{name} {spec.fingerprint}") for name in baselines if name != RECORDING),
    ]
    names = [system.name for system, _ in systems]
    _demand(names, list(clips), kinds, mid_anchor)
    rate = max(each.sample_rate for each in (*specs, *[spec] * bool(baselines)))
    files = make_stimuli(folder, clips, systems, rate, mid_anchor=mid_anchor, advance=advance)
    test = ListeningTest(
        title=title,
        seed=seed,
        secret=secrets.token_hex(16),
        sample_rate=rate,
        loudness=LOUDNESS,
        kinds=list(kinds),
        systems=names,
        clips=[clip.name for clip in clips],
        mid_anchor=mid_anchor,
        files=files,
    )
    if (folder / FILE).exists():
        begun = read_test(folder)
        if not begun.same(test):
            raise InputError(
                f"{folder} holds another test, of {', '.join(begun.systems)} on {len(begun.clips)} clips: "
                "go on with the same clips, voices and options, or choose another folder with --to"
            )
        return begun
    write_atomically(folder / FILE, test.model_dump_json(indent=2).encode())
    return test


def _content(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _demand(names: list[str], clips: list[Clip], kinds: Sequence[Kind], mid_anchor: bool) -> None:
    if not names:
        raise InputError("nothing to listen to: name voices with --voice, or --baseline griffin-lim")
    for what, listed in (("voice", names), ("clip", [clip.name for clip in clips])):
        for name in listed:
            if listed.count(name) > 1 or name in (RECORDING, LOW_ANCHOR, MID_ANCHOR):
                raise InputError(
                    f"two things would be called {name!r}: give each {what} once, by its own name"
                )
    signals = len(names) + 2 + mid_anchor
    if Kind.MUSHRA in kinds and signals > MOST:
        raise InputError(
            f"{signals} signals in a trial of MUSHRA, BS.1534 allows {MOST}: compare fewer, or --test mos"
        )
