"""Sub-commands of `vocoder`, one a file."""
