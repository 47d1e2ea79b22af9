"""The page of faults: rates, what each detector hears, the worst cases and pictures of them."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vocoder.evaluation.faults import DETECTORS
from vocoder.evaluation.faults.control import CUT_SECONDS, DISPERSION_SECONDS, GAIN_DB, NOISE_DB, Rerecorded
from vocoder.evaluation.faults.report import rate_heading, rate_rows
from vocoder.evaluation.pages import table

WORST = 10


def page_of(result: Mapping[str, Any], pictures: Mapping[str, Path], folder: Path) -> str:
    """The page, to lie in `folder`, of a result of `report.to_json` and the pictures of each detector."""
    machine, clips = result["machine"], {clip["clip"] for clip in result["clips"]}
    lines = [
        "# Faults heard by measuring",
        "",
        f"`{result['command']}`;",
        f"{result['date'][:10]}; {len(clips)} clips; {machine['processor']}, {machine['cores']} cores.",
        "",
        "Rates are means over the clips, with 95 % intervals (Student's t over speakers, where there are",
        "several; with no event Poisson's for a rate a minute, none for a share). Each detector holds",
        "a voice against the recording.",
        f"`{Rerecorded.name}` is the recording through all-pass filters that bring its lowest frequencies",
        f"{1000 * DISPERSION_SECONDS:.0f} ms later than its highest, cut {1000 * CUT_SECONDS:.1f} ms later, "
        f"{-GAIN_DB:.0f} dB softer, in white noise {-NOISE_DB:.0f} dB",
        "below its loud frames: what is found there is a false alarm. It says nothing of what a voice does",
        "to magnitudes. Clicks are not sought in the first and last 30 ms of a clip.",
        "",
        *table(rate_heading(result), rate_rows(result)),
        "",
    ]
    for name, detector in DETECTORS.items():
        lines += [f"## {detector.label[0].upper()}{detector.label[1:]}", ""]
        lines += [f"{detector.meaning[0].upper()}{detector.meaning[1:]}.", "", *_worst(result, name)]
        if name in pictures:
            place = Path(os.path.relpath(pictures[name], folder)).as_posix()
            lines += [f"![{detector.label}: the worst clips beside their recordings]({place})", ""]
    return "\n".join(lines).rstrip() + "\n"


def _worst(result: Mapping[str, Any], name: str) -> list[str]:
    """The strongest event of each of the worst clips."""
    unit = DETECTORS[name].strength_unit
    strongest = [
        (max(clip["found"][name]["events"], key=lambda event: abs(event[1])), clip)
        for clip in result["clips"]
        if clip["found"].get(name, {}).get("events")
    ]
    if not strongest:
        return ["None was found.", ""]
    strongest.sort(key=lambda pair: -abs(pair[0][1]))
    rows = [
        [clip["system"], clip["clip"], f"{seconds:.3f} s", f"{strength:.2f} {unit}".rstrip()]
        for (seconds, strength), clip in strongest[:WORST]
    ]
    return [*table(["system", "clip", "at", "strength"], rows), ""]
