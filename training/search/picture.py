"""The curves of a search."""

from pathlib import Path

from training.search.plan import BASE
from training.search.record import SearchRecord

COLUMNS = 4


def plot_search(record: SearchRecord, path: Path) -> None:
    """A panel for each question: held-out figure against steps, the base in black in each.

    Not against CPU-seconds, which also tell what else the machine did.
    """
    from matplotlib.figure import Figure

    questions = list(dict.fromkeys(run.question for run in record.others))
    columns = min(COLUMNS, len(questions))
    rows = -(-len(questions) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.6 * rows), layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes in places[len(questions) :]:
        axes.set_axis_off()
    for axes, question in zip(places, questions, strict=False):
        for run in (run for run in record.asked(question) if run.curve):
            colour, name = ("black", BASE) if run is record.base else (None, run.variant)
            steps, values = zip(*((p.step, p.figure) for p in run.curve), strict=True)
            axes.plot(steps, values, marker=".", linewidth=1.2, color=colour, label=name)
        axes.set_title(question, fontsize=9)
        axes.set_xlabel("steps", fontsize=7)
        axes.tick_params(labelsize=7, which="both")
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3, which="both")
    places[0].set_ylabel(record.label, fontsize=8)
    figure.savefig(path, dpi=110)
