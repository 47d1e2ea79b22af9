"""The page of Flow++ for audio: bits a sample, form by form."""

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from training.density.audio import BOUNDS, AudioResult
from training.recipes.waveglow import WaveGlowRecipe
from vocoder.evaluation.pages import describe_machine, table
from vocoder.mel import mel_spec

HEADINGS = [
    "samples",
    "dequantization",
    "coupling",
    "attention",
    "bits",
    "with another mel",
    "",
    "parameters",
    "CPU s",
]
LEVELS = {"pcm16": "16-bit PCM", "mulaw8": "8-bit mu-law"}


def write_audio(results: Sequence[AudioResult], base: WaveGlowRecipe, folder: Path, *, command: str) -> Path:
    """The table, as `folder`/audio.md and .json."""
    folder.mkdir(parents=True, exist_ok=True)
    facts = {"command": command, "date": date.today().isoformat(), "machine": describe_machine()}
    rows = sorted(results, key=lambda row: (row.levels != "pcm16", -row.bits))
    record = {**facts, "recipe": base.portable(), "results": [row._asdict() for row in rows]}
    (folder / "audio.json").write_text(json.dumps(record, indent=1) + "\n")
    samples = base.segments.batch * base.segments.frames * mel_spec(base.dialect).hop_length
    model = base.model
    lines = [
        "# Flow++ for audio",
        "",
        f"Written by `{command}` on {facts['date']}, {facts['machine']}.",
        f"One small WaveGlow ({model.flows} flows over groups of {model.group_size} behind a filter, "
        f"{model.wavenet.layers} layers of {model.wavenet.channels} channels)",
        f"with every coupling, dequantization and conditioner; all see the same {base.flow.steps} batches of",
        f"{samples} samples. Bits a sample of held-out clips; CPU time is that of one thread.",
        "",
        "Uniform and variational noise give an upper bound of the exact bits of the quantized samples",
        "(Jensen); the noise of mu-law lies in the companded domain. Without noise the figure is the density",
        "at the levels times their width: no bound of anything, free to fall where the levels are few.",
        "",
        *table(
            HEADINGS,
            [
                [
                    LEVELS[row.levels],
                    row.dequantization,
                    row.coupling,
                    "yes" if row.attention else "no",
                    f"{row.bits:.3f}",
                    f"{row.shuffled:.2f}",
                    BOUNDS[row.dequantization],
                    f"{row.parameters:,}",
                    f"{row.cpu_seconds:.0f}",
                ]
                for row in rows
            ],
        ),
        "",
        *_gains(rows),
    ]
    page = folder / "audio.md"
    page.write_text("\n".join(lines))
    return page


def _gains(rows: Sequence[AudioResult]) -> list[str]:
    """Each idea against its absence, the rest the same: mean and range of the difference in bits."""
    found = {tuple(row[:4]): row.bits for row in rows}
    changes = {
        "variational instead of uniform noise": (1, "uniform", "variational"),
        "mixture instead of affine couplings": (2, "affine", "mixture"),
        "attention": (3, False, True),
    }
    lines = ["What each idea saves, the others the same (bounds only):", ""]
    table_rows = []
    for name, (place, without, with_it) in changes.items():
        saved = []
        for key, bits in found.items():
            other = (*key[:place], with_it, *key[place + 1 :])
            if key[1] != "none" and key[place] == without and other in found:
                saved.append(bits - found[other])
        if saved:
            mean = sum(saved) / len(saved)
            table_rows.append(
                [name, f"{mean:+.3f}", f"{min(saved):+.3f} … {max(saved):+.3f}", str(len(saved))]
            )
    return [*lines, *table(["", "bits saved, mean", "range", "pairs"], table_rows), ""]
