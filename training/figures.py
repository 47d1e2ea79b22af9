"""Held-out figures of training: what each is called, and which of them a run is judged by."""

from collections.abc import Mapping
from typing import Any

LABELS = {
    "valid_divergence": "divergence, nats a sample",
    "valid_bits": "bits a sample",
    "valid_energy_distance": "energy distance",
}
"""The nearest to a loss first; of each, less is better."""


def wanted_figures(recipe: Mapping[str, Any]) -> list[str]:
    """The figures that may judge a run of `recipe`: no bits where spectra alone were learned from."""
    alone = (recipe.get("spectral") or {}).get("alone")
    return [name for name in LABELS if not (alone and name == "valid_bits")]
