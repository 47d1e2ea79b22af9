"""Configuration: strict typed models, YAML files, `key.path=value` overrides, errors that name the field."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_args, get_origin

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.fields import FieldInfo

from vocoder.errors import ConfigError


def shipped_configs(package: Path) -> Path:
    """The configurations that an installed `package` carries inside; in a checkout, those beside it."""
    carried = package / "configs"
    return carried if carried.is_dir() else package.parent / "configs"


CONFIGS = shipped_configs(Path(__file__).parent)


class Config(BaseModel):
    """Base of all configurations: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Model = TypeVar("Model", bound=BaseModel)


def parse_config(model: type[Model], values: Any, source: str) -> Model:
    """Validate `values`; raises `ConfigError` with each wrong field, what came and what is allowed."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(f"{source}: " + "; ".join(_describe(e, model) for e in error.errors())) from None


def read_config(model: type[Model], path: str | Path, overrides: Iterable[str] = ()) -> Model:
    """Read a YAML file, apply `key.path=value` overrides (values are YAML), validate.

    Raises `ConfigError` when the file is missing, is not a YAML mapping, or does not fit the model.
    """
    return parse_config(model, overridden(read_mapping(path), overrides), str(path))


def overridden(values: dict[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """`values`, changed by `key.path=value` items whose values are YAML; raises `ConfigError`."""
    for item in overrides:
        _override(values, item)
    return values


def read_mapping(path: str | Path) -> dict[str, Any]:
    """The keys and values of a YAML file; raises `ConfigError` when it is missing, or no mapping.

    A path below `configs` that does not lead to one leads to what ships under that name.
    """
    file = Path(path)
    if file.parts[:1] == ("configs",) and not file.exists():
        file = CONFIGS.joinpath(*file.parts[1:])
    try:
        values = yaml.load(file.read_text(), _StrictLoader) or {}
    except OSError as error:
        raise ConfigError(f"cannot read the configuration {path}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not YAML: {error}") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected a mapping of keys to values, got {type(values).__name__}")
    return values


class _StrictLoader(yaml.SafeLoader):
    """A key that is given twice is an error, not the last one's value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        given: set[str] = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in given:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is given twice", key.start_mark
                )
            given.add(key.value)
        return super().construct_mapping(node, deep)


def _override(values: dict[str, Any], item: str) -> None:
    path, equals, text = item.partition("=")
    if not equals or not path:
        raise ConfigError(f"override {item!r}: expected key.path=value, for example optimizer.lr=1e-3")
    *parents, key = path.split(".")
    for parent in parents:
        values = values.setdefault(parent, {})
        if not isinstance(values, dict):
            raise ConfigError(f"override {item!r}: {parent} is a value, not a group of keys")
    try:
        values[key] = yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"override {item!r}: {text!r} is not a YAML value") from None


def _describe(error: Mapping[str, Any], model: type[BaseModel]) -> str:
    field, allowed = _locate(error["loc"], model)
    if error["type"] == "extra_forbidden":
        return f"{field} is not a known key; allowed here: {', '.join(allowed)}"
    if error["type"] == "missing":
        return f"{field} is missing"
    return f"{field}: {error['msg'].removeprefix('Value error, ')} (got {error['input']!r})"


def _locate(location: tuple[int | str, ...], model: type[BaseModel]) -> tuple[str, list[str]]:
    """A field's path as it is written, and the keys allowed beside it, as far as models say so.

    Where there is a choice of models, their `kind` stands in the location without being a key.
    """
    path, parts, holder = [], iter(location), model
    current: type[BaseModel] | None = model
    for part in parts:
        path.append(str(part))
        holder = current or holder
        choices = _models(current.model_fields.get(str(part)) if current else None)
        if len(choices) > 1:
            kind = next(parts, None)
            choices = [choice for choice in choices if choice.model_fields["kind"].default == kind]
        current = choices[0] if choices else None
    return ".".join(path) or "(whole)", list(holder.model_fields)


def _models(field: FieldInfo | None) -> list[type[BaseModel]]:
    """The models that a field may hold, or a list in it."""
    annotation = field.annotation if field else None
    found = [
        get_args(choice)[0] if get_origin(choice) is Annotated else choice for choice in get_args(annotation)
    ]
    return [each for each in found or [annotation] if isinstance(each, type) and issubclass(each, BaseModel)]
