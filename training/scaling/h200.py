"""The one assumption of the forecasts: what an H200 is worth."""

CORE_HOURS = (100.0, 300.0)
"""Of the machine that trained the voices, in one hour of an H200: 50 to 150 times two cores, not measured."""
HOURS = (1.0, 10.0, 100.0)


def core_seconds(hours: float) -> tuple[float, float]:
    """The least and the most CPU-seconds that `hours` of an H200 may stand for."""
    return hours * CORE_HOURS[0] * 3600, hours * CORE_HOURS[1] * 3600
