"""What a compiled loop knows of the density that it draws its samples from."""

from typing import NamedTuple

from vocoder.distributions.output import OutputConfig


class Drawing(NamedTuple):
    """An `OutputConfig` for the compiled loops, and the density below which nothing is drawn."""

    components: int
    min_log_scale: float
    gaussian: bool
    floor: float

    @classmethod
    def of(cls, output: OutputConfig, floor: float = 0.0) -> "Drawing":
        """`floor`: per unit of what the network models; 0 draws from the whole density."""
        return cls(output.components, output.min_log_scale, output.family == "gaussian", float(floor))
