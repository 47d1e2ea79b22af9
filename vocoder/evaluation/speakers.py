"""Who speaks in a clip, told by its name."""

from pathlib import PurePath


def speaker_of(clip: str) -> str:
    """What stands before the first underscore of the file's name; of a name without one, its folder.

    As `training.data.manifests` tells speakers, but for the folder, which there has its speaker from the
    configuration. Clips that stand in no folder and have no underscore are one speaker's, "".

    >>> speaker_of("multi/p237_007.flac"), speaker_of("ljspeech/LJ001-0038")
    ('p237', 'ljspeech')
    """
    path = PurePath(clip)
    speaker, underscore, _ = path.stem.partition("_")
    return speaker if underscore else path.parent.name
