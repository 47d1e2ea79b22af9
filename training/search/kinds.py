"""What may be searched: which recipe, which command trains it, which held-out figure decides."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from training.recipes.run import Recipe
from training.recipes.student import StudentRecipe, train_student
from training.recipes.teacher import TeacherRecipe, train_teacher
from training.recipes.waveglow import WaveGlowRecipe, train_waveglow


class Kind(NamedTuple):
    recipe: type[Recipe]
    train: Callable[..., Path | None]
    stage: str  # whose curve is compared
    figure: str  # of the curve; less is better
    label: str


KINDS = {
    "teacher": Kind(TeacherRecipe, train_teacher, "flow", "valid_bits", "bits a sample"),
    "student": Kind(StudentRecipe, train_student, "filters", "valid_energy_distance", "energy distance"),
    "waveglow": Kind(WaveGlowRecipe, train_waveglow, "flow", "valid_bits", "bits a sample"),
}
