"""Normalizing flows: one flow a file, one contract (`base.Flow`)."""

from vocoder.flows.base import Chain, Flow, Inverse

__all__ = ["Chain", "Flow", "Inverse"]
