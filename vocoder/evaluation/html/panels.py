"""Three spectrograms beside each other with axes of the page's own type, which stays legible on a phone."""

from vocoder.evaluation.html.markup import Markup, element
from vocoder.evaluation.html.spectrogram import DIFFERENCE_COLOURS, DIFFERENCE_DB, Spectrograms, gradient
from vocoder.evaluation.plots import COLOURS, DYNAMIC_RANGE_DB


def panels(system: str, clip: str, pictures: Spectrograms) -> Markup:
    """The recording, the system, and system minus recording."""
    recorded = f"Spectrogram of {clip}: "
    parts = (
        ("recording", recorded + "the recording", pictures.recording),
        (system, recorded + system, pictures.generated),
        (
            f"{system} − recording",
            f"Level of {system} minus that of the recording, {clip}",
            pictures.difference,
        ),
    )
    return element("div", [_panel(*part, pictures) for part in parts], class_="panels")


def legend() -> Markup:
    """What the colours of all panels mean."""
    return element(
        "div",
        _scale("level", COLOURS, f"−{DYNAMIC_RANGE_DB:.0f} dB", "0 dB, the recording's loudest"),
        _scale(
            "difference",
            DIFFERENCE_COLOURS,
            f"{DIFFERENCE_DB:.0f} dB softer than the recording",
            f"{DIFFERENCE_DB:.0f} dB louder",
        ),
        class_="legend",
    )


def _scale(name: str, colours: str, low: str, high: str) -> Markup:
    bar = element("span", class_="bar", style=f"background: {gradient(colours)}", aria_hidden="true")
    return element("p", element("span", name, class_="label"), " ", low, " ", bar, " ", high)


def _panel(title: str, alternative: str, picture: str, pictures: Spectrograms) -> Markup:
    kilohertz = pictures.hertz / 1000
    heights = [
        element("span", f"{tick:g} kHz", style=f"bottom: {100 * tick / kilohertz:.2f}%")
        for tick in _ticks(kilohertz, 5)
    ]
    times = [
        element("span", f"{tick:g} s", style=f"left: {100 * tick / pictures.seconds:.2f}%")
        for tick in _ticks(pictures.seconds, 6)
    ]
    return element(
        "figure",
        element("figcaption", title),
        element("div", heights, class_="kilohertz", aria_hidden="true"),
        element("img", src=picture, alt=alternative),
        element("div", times, class_="seconds", aria_hidden="true"),
    )


def _ticks(end: float, count: int) -> list[float]:
    """Round numbers from 0, the last of them clear of the end."""
    from matplotlib.ticker import MaxNLocator

    ticks = MaxNLocator(nbins=count, steps=[1, 2, 5, 10]).tick_values(0, end)
    return [float(tick) for tick in ticks if 0 <= tick <= 0.97 * end]
