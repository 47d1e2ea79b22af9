"""What may be searched: which recipe, which command trains it, which held-out figure decides."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from training.figures import wanted_figures
from training.recipes.run import Recipe
from training.recipes.student import StudentRecipe, train_student
from training.recipes.teacher import TeacherRecipe, train_teacher
from training.recipes.waveglow import WaveGlowRecipe, train_waveglow


class Kind(NamedTuple):
    recipe: type[Recipe]
    train: Callable[..., Path | None]
    stage: str  # whose curve is compared
    figures: tuple[str, ...]  # that a stage's curve may have

    def figure(self, recipe: Recipe) -> str:
        """Of the curve, which a search with this base compares; less is better."""
        return next(name for name in wanted_figures(recipe.model_dump(mode="json")) if name in self.figures)


KINDS = {
    "teacher": Kind(TeacherRecipe, train_teacher, "flow", ("valid_bits",)),
    "student": Kind(StudentRecipe, train_student, "filters", ("valid_energy_distance",)),
    "waveglow": Kind(WaveGlowRecipe, train_waveglow, "flow", ("valid_bits", "valid_energy_distance")),
}
