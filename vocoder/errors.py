"""What can go wrong, as types: every message says what came, what was expected and what to do."""


class VocoderError(Exception):
    """Root of the errors that this project raises on purpose."""


class InputError(VocoderError, ValueError):
    """An argument, a file or a request that does not fit; the message names the remedy."""


class ConfigError(InputError):
    """A configuration key or value that is unknown or out of range."""


class MelMismatch(InputError):
    """A mel-spectrogram that was made with another analysis than the one expected."""


class AudioError(InputError):
    """Audio that cannot be read, or does not fit what was asked."""


class CheckpointError(InputError):
    """A checkpoint that is damaged, of another format, or of an unknown kind."""


class UnknownVoice(InputError):
    """A voice name that is not installed; the message lists those that are."""


class NotInvertible(InputError):
    """A flow asked to invert outside the domain where its inverse exists."""


class NoDensity(VocoderError, RuntimeError):
    """A likelihood asked of a model that has none."""


class Busy(VocoderError, RuntimeError):
    """More work at one time than the limit allows; the same request may succeed a moment later."""


class MissingExtra(VocoderError, RuntimeError):
    """A feature whose optional dependency is not installed; the message names the extra."""
