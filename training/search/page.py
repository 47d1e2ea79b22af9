"""The page of a search: question by question, beside the base, and what of it is more than chance."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from scipy.stats import t

from training.search.picture import plot_search
from training.search.plan import BASE, Plan, SearchConfig
from training.search.record import SearchRecord, make_record, write_record
from training.search.runs import Run
from vocoder.evaluation.pages import describe_machine, table

CONFIDENCE = 0.95
"""That a difference which counts as found is not chance; each for itself."""
HEADS = ("", "changes", "figure", "difference", "CPU s", "parameters", "minutes of speech")


def worth_a_page(runs: Sequence[Run], known: Sequence[Run]) -> bool:
    """Whether a page of so many runs has something to compare, and all `known` ones of the page before."""
    kept = {run.fingerprint for run in runs}
    return (
        len(runs) > 1
        and any(run.question == BASE for run in runs)
        and all(run.fingerprint in kept for run in known)
    )


def write_search(plan: Plan, runs: Sequence[Run], folder: Path, *, command: str) -> Path:
    """`folder`/NAME.md, NAME.json and NAME.png; `runs` in any order: the base's, and others of the plan."""
    folder.mkdir(parents=True, exist_ok=True)
    machines = dict.fromkeys(run.machine or describe_machine() for run in runs)
    facts = {"command": command, "date": date.today().isoformat(), "machine": "; ".join(machines)}
    record = make_record(plan, runs, facts)
    write_record(record, folder / f"{plan.config.name}.json")
    return write_again(plan.config, record, folder)


def write_again(config: SearchConfig, record: SearchRecord, folder: Path) -> Path:
    """`folder`/NAME.md and NAME.png of a record that is there."""
    plot_search(record, folder / f"{config.name}.png")
    page = folder / f"{config.name}.md"
    page.write_text("\n".join([*_opening(record, config), *_sections(record, config.name)]))
    return page


def _opening(record: SearchRecord, config: SearchConfig) -> list[str]:
    facts, base = record.facts, record.base
    return [
        f"# What matters: {config.name}",
        "",
        f"Written by `{facts['command']}` on {facts['date']}, {facts['machine']}.",
        f"{config.description or config.name}: {base.steps} steps for the base and each variant",
        f"that does not say otherwise. The figure is {record.label} of held-out segments, the same for all,",
        "at the end of the run; less is better. So short a run favours what learns fast: what loses here may",
        "win in a long one. Variants have as many steps as the base, or as many as were thought to cost as",
        "much, so that differences are not at equal compute. CPU-seconds are those of the steps, on one",
        f"thread{_pace(record)}.",
        *_code(record),
        "",
        *summary(record),
        "",
        f"![{record.label} against steps, a panel for each question]({config.name}.png)",
        "",
    ]


def _pace(record: SearchRecord) -> str:
    """How far the machine's speed varied, which the seeds, the same work, tell."""
    if len(record.seeds) < 2:
        return ""
    paces = sorted(1e3 * run.cpu_seconds / run.steps for run in record.seeds)
    return (
        f";\na step of the base took {paces[0]:.0f} to {paces[-1]:.0f} CPU-ms, by what else the machine did"
    )


def _code(record: SearchRecord) -> list[str]:
    """The commits that trained the runs, where they are not one."""
    commits = list(dict.fromkeys(run.code or "an unnoted one" for run in record.runs))
    return [f"The runs are of several commits: {', '.join(commits)}."] if len(commits) > 1 else []


def _sections(record: SearchRecord, name: str) -> list[str]:
    lines = []
    for question in dict.fromkeys(run.question for run in record.others):
        lines += [f"## {question.capitalize()}", "", *question_table(record, question), ""]
    return [*lines, f"All curves are in [{name}.json]({name}.json)."]


def question_table(record: SearchRecord, question: str) -> list[str]:
    """The base, then the question's variants, with their differences to the mean over seeds."""
    base, *variants = record.asked(question)
    rows = [[BASE, "", f"{base.figure:.3f}", f"{base.figure - record.reference:+.3f}", *_costs(base)]]
    for run in variants:
        changes = "<br>".join(f"`{override}`" for override in run.overrides)
        rows.append([run.variant, changes, *_figures(record, run), *_costs(run)])
    return table(HEADS, rows)


def runs_table(record: SearchRecord) -> list[str]:
    """Every run, question by question, the best first."""
    rows = [["", BASE, f"{record.base.figure:.3f}", "", f"{record.base.cpu_seconds:.0f}"]]
    for question in dict.fromkeys(run.question for run in record.others):
        rows += [
            [question, run.variant, *_figures(record, run), f"{run.cpu_seconds:.0f}"]
            for run in sorted(record.asked(question)[1:], key=lambda run: run.figure)
        ]
    return table(("question", "run", record.label, "difference", "CPU s"), rows)


def _figures(record: SearchRecord, run: Run) -> list[str]:
    return (
        ["diverged", ""] if run.diverged else [f"{run.figure:.3f}", f"{run.figure - record.reference:+.3f}"]
    )


def _costs(run: Run) -> list[str]:
    return [f"{run.cpu_seconds:.0f}", f"{run.parameters:,}", f"{run.minutes:g}"]


def least_finding(record: SearchRecord) -> float:
    """The difference of one run to the mean over n seeds that chance makes one time in twenty.

    t · s · √(1 + 1/n), t of n - 1 degrees of freedom; infinite where one seed tells nothing of chance.
    """
    if record.chance is None:
        return math.inf
    count = len(record.seeds)
    return float(t.ppf((1 + CONFIDENCE) / 2, count - 1)) * record.chance * math.sqrt(1 + 1 / count)


def summary(record: SearchRecord) -> list[str]:
    """What is better and worse than the base by more than chance, the largest first."""
    least = least_finding(record)
    changes = sorted(
        (
            (run.figure - record.reference, f"{run.question}: {run.variant}")
            for run in record.others
            if not run.changes_only("seed")
        ),
        key=lambda change: -abs(change[0]),
    )
    lines, done = [], len(record.runs)
    if done < record.planned:
        lines += [f"So far {done} of {record.planned} runs are done.", ""]
    if record.chance is None:
        return [*lines, "There is one seed of the base: what chance does is not known, and nothing is found."]
    lines += [
        f"The base with {len(record.seeds)} seeds comes to {record.reference:.3f} ± {record.chance:.3f} "
        f"(standard deviation). Differences are to that mean. One below {least:.3f} is no finding: further "
        f"away chance takes one run in twenty, by Student's t of {len(record.seeds) - 1} degrees of freedom.",
        "",
    ]
    for title, sign in (("Better than the base", -1), ("Worse", 1)):
        found = [f"{name} ({by:+.3f})" for by, name in changes if math.inf > by * sign > least]
        lines.append(f"- {title}: {'; '.join(found) or 'nothing'}.")
    within = [f"{name} ({by:+.3f})" for by, name in changes if abs(by) <= least]
    lines.append(f"- No finding: {'; '.join(within) or 'nothing'}.")
    return lines + [
        f"- {run.question}: {run.variant} {run.diverged}." for run in record.others if run.diverged
    ]
