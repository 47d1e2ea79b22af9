"""`python -m vocoder` is the command `vocoder`."""

from vocoder.cli import main

if __name__ == "__main__":
    main()
