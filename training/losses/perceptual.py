"""Speech compared by what a phone classifier hears in it.

Features: the distance of the activations themselves, so what is said when must agree. Style: of their
correlations over time, the Gram matrices

    G_ij = 1/T Σ_t a_i(t) a_j(t)

(Gatys et al. 2016, eq. 3), so the same kinds of sounds must be there, wherever they are. Parallel WaveNet
found the second the better (van den Oord et al. 2017, sec. 4).
"""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.losses.phone_classifier import PhoneClassifier

PerceptualForm = Literal["features", "style"]


class PerceptualLoss(nn.Module):
    """Mean over layers of |φ(x) - φ(y)|² / |φ(y)|², φ the activations or their Gram matrices.

    The gradient goes to x; the classifier's weights are frozen.

    Args:
        classifier: as `load_classifier` returns it.
        form: "features" or "style".
    """

    def __init__(self, classifier: PhoneClassifier, form: PerceptualForm = "style") -> None:
        super().__init__()
        self.classifier, self.form = classifier, form

    def forward(self, x: Float[Tensor, "batch time"], y: Float[Tensor, "batch time"]) -> Float[Tensor, ""]:
        """`y` is the recording; samples at the end that fill no step are not heard."""
        length = x.shape[1] // self.classifier.stride * self.classifier.stride
        made = self.classifier(x[:, :length]).features
        with torch.no_grad():
            wanted = self.classifier(y[:, :length]).features
        if self.form == "style":
            made, wanted = [gram(a) for a in made], [gram(a) for a in wanted]
        distances = [
            (a - b).square().mean() / b.square().mean().clamp(min=1e-12)
            for a, b in zip(made, wanted, strict=True)
        ]
        return torch.stack(distances).mean()


def gram(features: Float[Tensor, "batch channel step"]) -> Float[Tensor, "batch channel channel"]:
    """Correlations of the channels, averaged over time."""
    return features @ features.transpose(1, 2) / features.shape[2]
