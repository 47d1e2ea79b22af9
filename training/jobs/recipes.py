"""The recipes that jobs know by name: what configures and trains each, what is checked beforehand."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from training.jobs.datasets import check_recordings
from vocoder.checkpoints import read_info, voice_path
from vocoder.config import CONFIGS, Config, parse_config, read_mapping
from vocoder.errors import ConfigError, UnknownVoice

PRESETS = CONFIGS / "recipe"


class Entry(NamedTuple):
    """`module:name` of a configuration, and of its `train(config, folder, progress=...)`, None if stopped."""

    config: str
    train: str
    summary: str


def _entry(module: str, config: str, train: str, summary: str) -> Entry:
    return Entry(f"training.{module}:{config}", f"training.{module}:{train}", summary)


RECIPES = {
    "student": _entry(
        "recipes.student",
        "StudentRecipe",
        "train_student",
        "a voice in minutes: a linear flow with pitch pulses",
    ),
    "teacher": _entry(
        "recipes.teacher", "TeacherRecipe", "train_teacher", "a WaveNet that a student can be distilled from"
    ),
    "distillation": _entry(
        "recipes.distillation", "DistillationRecipe", "distil", "a student, taught by an installed teacher"
    ),
    "waveglow": _entry(
        "recipes.waveglow", "WaveGlowRecipe", "train_waveglow", "WaveGlow, by likelihood, spectra or both"
    ),
    "classifier": _entry(
        "recipes.classifier",
        "ClassifierRecipe",
        "train_classifier",
        "phones, for the perceptual loss; needs texts",
    ),
    "flow": _entry(
        "density.recipe", "DensityConfig", "train_density", "a flow on points of the plane, or on digits"
    ),
    "bench": _entry("jobs.benchmark", "Benchmark", "run_benchmark", "how fast the installed voices are here"),
}


def entry_of(recipe: str) -> Entry:
    """Raises `ConfigError` for a name that is none of `RECIPES`."""
    if recipe not in RECIPES:
        raise ConfigError(f"recipe: {recipe!r} is unknown; choose from {', '.join(RECIPES)}")
    return RECIPES[recipe]


def config_of(recipe: str) -> type[Config]:
    """The type of its configuration; raises `ConfigError` as `entry_of` does."""
    found: type[Config] = _named(entry_of(recipe).config)
    return found


def presets() -> dict[str, Path]:
    """Configurations to start from, by name."""
    files = {path.stem: path for path in sorted(PRESETS.glob("*.yaml"))}
    return {name: path for name, path in files.items() if "recordings" not in read_mapping(path)}


def preset(name: str) -> dict[str, Any]:
    """The values of `configs/recipe/NAME.yaml`, without the recordings that the shipped voice learned from.

    Raises:
        ConfigError: there is none of this name.
    """
    known = presets()
    if name not in known:
        raise ConfigError(f"preset: {name!r} is unknown; choose from {', '.join(known) or 'none'}")
    values = read_mapping(known[name])
    return values | {"description": str(values.get("description", "")).partition(";")[0]}


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with `changes`, group by group; any other value, also a list, is replaced as a whole."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def settled(recipe: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """`values` with whole paths: the process that trains may have another working folder."""
    whole = dict(values)
    for field in getattr(config_of(recipe), "files", ()):
        if isinstance(path := values.get(field), str) and Path(path).is_file():
            whole[field] = str(Path(path).resolve())
    data = values.get("data")
    if isinstance(data, Mapping) and isinstance(data.get("root"), str):
        whole["data"] = {**data, "root": str(Path(data["root"]).resolve())}
    return whole


def parse(recipe: str, values: Mapping[str, Any]) -> Config:
    """The typed configuration of a recipe, whatever is there; raises `ConfigError` naming the field."""
    config = parse_config(config_of(recipe), dict(values), recipe)
    if recipe == "flow":
        _check_flow(config)
    return config


def validate(recipe: str, values: Mapping[str, Any], roots: list[Path] | None) -> Config:
    """The typed configuration of a recipe, whose recordings are there, below one of `roots` (None: anywhere).

    Raises:
        ConfigError: naming the field.
    """
    config = parse(recipe, values)
    if (data := getattr(config, "data", None)) is not None and not isinstance(data, str):
        check_recordings(data, roots)
    _check_voices(config, strangers=roots is not None)
    return config


def _check_voices(config: Config, *, strangers: bool) -> None:
    """What a run begins with or learns from is there; a stranger names installed voices, and no files."""
    for field in getattr(config, "files", ()):
        value = getattr(config, field, None)
        if value is None:
            continue
        if strangers and field == "classifier":
            raise ConfigError(
                "classifier: it is a file, and jobs that are asked for over HTTP read none: leave it out"
            )
        if strangers and (len(value.parts) > 1 or value.suffix):
            raise ConfigError(f"{field}: expected the name of an installed voice, got {str(value)!r}")
        try:
            path = voice_path(value)
        except UnknownVoice as error:
            raise ConfigError(f"{field}: {error}") from None
        if not path.is_file():
            raise ConfigError(f"{field}: there is no checkpoint {value}")
        if field != "classifier":
            _check_kind(field, path)


def _check_kind(field: str, path: Path) -> None:
    from vocoder.models import MODELS

    if (kind := read_info(path).kind) not in MODELS:
        raise ConfigError(f"{field}: {path} is a {kind}, not a voice; give one of {', '.join(MODELS)}")


def train(
    recipe: str, config: Config, folder: Path, *, progress: bool = False, max_minutes: float | None = None
) -> bool:
    """Train, or go on training, into `folder`; returns whether the last step was reached."""
    work: Callable[..., Any] = _named(entry_of(recipe).train)
    return work(config, folder, progress=progress, max_minutes=max_minutes) is not None


def placed(config: Config, device: str) -> Config:
    """The configuration with every run of the training loop on a device: where, not what."""
    from training.trainer import TrainerConfig

    loops = {name: value for name, value in config if isinstance(value, TrainerConfig)}
    moved: dict[str, Any] = {
        name: value.model_copy(update={"device": device}) for name, value in loops.items()
    }
    if "device" in type(config).model_fields:
        moved["device"] = device
    return config.model_copy(update=moved)


def stages(config: Config) -> dict[str, int]:
    """Steps of each run of the training loop, in order, by the folder of its metrics ("." the run's own)."""
    from training.trainer import TrainerConfig

    found = {name: value.steps for name, value in config if isinstance(value, TrainerConfig)}
    own = getattr(config, "steps", None)
    return found or ({".": own} if own else {})


def _check_flow(config: Any) -> None:
    from training.density.plane import plane_set
    from training.density.zoo import DIGITS, PLANE, choose

    digits = config.data == "digits"
    choose(DIGITS if digits else PLANE, config.flow, config.data)
    if not digits:
        plane_set(config.data)


def _named(path: str) -> Any:
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
