"""A law of all vocoders: streams that began at different times share a batch, and are what they are alone."""

import torch
from torch import Tensor

from vocoder.inference.stacking import layout, stack, unstack
from vocoder.models import Vocoder


def check_streams_meet(voice: Vocoder, mel: Tensor, *, frames: int, atol: float = 1e-5) -> None:
    """In blocks of `frames`, once the first has taken a third of the mel and the second two thirds.

    A third must be more than all that the voice's networks see.
    """
    blocks = mel.split(frames, dim=1)
    early, late = len(blocks) // 3, 2 * len(blocks) // 3
    with torch.inference_mode():
        spoken = [[], []]
        states = [voice.start([seed], 0.7) for seed in (1, 2)]
        for stream, begun in enumerate((early, late)):
            for block in blocks[:begun]:
                audio, states[stream] = voice.advance(block[None], states[stream], last=False)
                spoken[stream].append(audio[0])
        for later in range(len(blocks) - late - 1):
            assert layout(states[0]) == layout(states[1])
            both = torch.stack([blocks[early + later], blocks[late + later]])
            audio, batch = voice.advance(both, stack(states), last=False)
            states = unstack(batch, 2)
            for stream in range(2):
                spoken[stream].append(audio[stream])
    for stream in range(2):
        audio = torch.cat(spoken[stream])
        assert len(audio) > mel.shape[1] // 3 * voice.mel_spec.hop_length
        whole = voice.synthesize(mel, seed=stream + 1, temperature=0.7)[: len(audio)]
        torch.testing.assert_close(audio, whole, rtol=0, atol=atol)
