"""The pitch reader, which models with pitch learn first: F0 and voicing of a mel from tracked recordings."""

import torch
from torch import Tensor
from torch.nn import functional as F

from training.data.segments import Batch, Segments
from training.trainer import Task
from vocoder.models.frames import normalize
from vocoder.networks.pitch import PitchNetwork

UNVOICED_WEIGHT = 0.05  # F0 carried through unvoiced stretches is learned a little, so that it stays smooth


class PitchTask(Task):
    """F0 as a distribution over bins (cross-entropy), voicing as a probability."""

    def __init__(self, network: PitchNetwork, segments: Segments, held_out: Batch, seed: int) -> None:
        self.model, self.segments, self.held_out, self.seed = network, segments, held_out, seed
        self.network = network

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        frequency, voicing, _ = self._terms(self.segments.batch(self.seed, step).to(self.device))
        return frequency + voicing, {"frequency": frequency.item(), "voicing": voicing.item()}

    @torch.no_grad()
    def evaluate(self) -> dict[str, float]:
        """Both terms held out, and how far F0 is off in voiced frames, if there are any."""
        frequency, voicing, cents = self._terms(self.held_out.to(self.device))
        figures = {"valid_frequency": frequency.item(), "valid_voicing": voicing.item()}
        if len(cents):
            figures["valid_median_cents"] = cents.median().item()
            figures["valid_off_by_50_cents"] = (cents > 50).float().mean().item()
        return figures

    def _terms(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        if batch.f0 is None or batch.voiced is None:
            raise ValueError("a pitch reader learns from clips whose pitch was tracked")
        pitch = self.network(normalize(batch.mel))
        reach = self.network.network
        inside = slice(reach.left_context, batch.mel.shape[-1] - reach.right_context)
        f0, voiced = batch.f0[:, inside], batch.voiced[:, inside]
        wanted = self.network.targets(f0)
        weight = voiced + UNVOICED_WEIGHT * (1 - voiced)
        entropy = -(wanted * pitch.logits.log_softmax(dim=1)).sum(dim=1)
        voicing = F.binary_cross_entropy_with_logits(pitch.voicing, voiced)
        cents = 1200 * (pitch.frequency / f0).log2().abs()
        return (weight * entropy).sum() / weight.sum(), voicing, cents[voiced > 0.5]
