"""Optional packages of the evaluation: imported when a measure needs them, never before."""

import importlib
import warnings
from types import ModuleType

from vocoder.errors import MissingExtra


def optional(module: str, feature: str, extra: str = "eval") -> ModuleType:
    """Import `module`, on which `feature` rests.

    Raises:
        MissingExtra: it is not installed, or something that it imports is not; names the extra to install.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # pyworld reads its version through pkg_resources
            return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtra(
            f"{feature} needs the module {error.name or module!r}, which is not installed: "
            f"pip install 'vocoder[{extra}]'"
        ) from error
