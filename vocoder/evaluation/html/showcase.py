"""The clips that a page shows, made once more: nothing of them was kept while they were measured."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from vocoder.audio import read
from vocoder.errors import InputError
from vocoder.evaluation.alignment import align_recording
from vocoder.evaluation.baselines import Recording
from vocoder.evaluation.html.sound import opus_uri
from vocoder.evaluation.html.spectrogram import Spectrograms, draw
from vocoder.evaluation.manifest import Clip
from vocoder.evaluation.processes import in_processes
from vocoder.evaluation.runner import System


@dataclass(frozen=True)
class Exhibit:
    """A clip to hear, in all versions that could be made, and to see: data URIs by system."""

    clip: str
    recording: str
    sounds: Mapping[str, str]
    pictures: Mapping[str, Spectrograms]


def show(
    clips: Sequence[Clip], systems: Sequence[System], seen: Mapping[str, Sequence[str]], workers: int = 1
) -> Iterator[Exhibit]:
    """An exhibit of each clip that `seen` names, as soon as it is made.

    Args:
        seen: for each system the clips of which its spectrograms are drawn; of all these clips every system
            is heard.
    """
    by_name = {clip.name: clip for clip in clips}
    drawn = {name: [system for system in seen if name in seen[system]] for name in by_name}
    tasks = [(by_name[name], systems, drawn_of) for name, drawn_of in drawn.items() if drawn_of]
    return in_processes(exhibit, tasks, workers) if tasks else iter(())


def exhibit(clip: Clip, systems: Sequence[System], drawn: Sequence[str]) -> Exhibit:
    """One clip through all systems; spectrograms of those `drawn`, aligned and levelled as for measuring."""
    audio, sample_rate = read(clip.path)
    sounds, pictures = {}, {}
    for system in systems:
        if system.name == Recording.name:
            continue
        try:
            generated, rate = system.generate(audio, sample_rate)
        except InputError:
            continue  # told among the failures
        sounds[system.name] = opus_uri(generated, rate)
        if system.name in drawn:
            pictures[system.name] = draw(align_recording(audio, sample_rate, generated, rate))
    return Exhibit(clip.name, opus_uri(audio, sample_rate), sounds, pictures)
