"""One listener's way through a test: where they are, and sounds by names that tell nothing."""

import hashlib
import hmac
from pathlib import Path

from server.listening.definition import RECORDING, Kind, ListeningTest
from server.listening.plan import Trial, trials
from server.listening.stimuli import FOLDER
from server.listening.store import Listener, Store
from vocoder.errors import InputError

RANGES = {Kind.MOS: (1, 5), Kind.MUSHRA: (0, 100)}
_REFERENCE = "reference"


class Session:
    """A listener in a test. What they are given and what they may rate is the trial at hand alone."""

    def __init__(self, test: ListeningTest, folder: Path, store: Store, listener: Listener) -> None:
        self.test, self.folder, self.store, self.listener = test, folder, store, listener
        self.trials = trials(test, listener.number)
        self._completed = store.completed(listener)

    @property
    def current(self) -> Trial | None:
        """The first trial that is not done; None after the last."""
        return next(
            (trial for trial in self.trials if (trial.kind, trial.number) not in self._completed), None
        )

    @property
    def done(self) -> int:
        return sum((trial.kind, trial.number) in self._completed for trial in self.trials)

    def sounds(self, trial: Trial) -> dict[str, str]:
        """The conditions of a trial by the names that the listener is given, in the order shown."""
        return {self._name(trial, str(i)): condition for i, condition in enumerate(trial.conditions)}

    def reference(self, trial: Trial) -> str | None:
        """The name of the open reference; MOS has none."""
        return self._name(trial, _REFERENCE) if trial.kind is Kind.MUSHRA else None

    def file(self, name: str) -> Path | None:
        """The sound of that name in the trial at hand; None for any other."""
        trial = self.current
        if trial is None:
            return None
        condition = RECORDING if name == self.reference(trial) else self.sounds(trial).get(name)
        return self.folder / FOLDER / self.test.files[trial.clip][condition] if condition else None

    def values(self, trial: Trial) -> dict[str, int]:
        """What was said of its sounds so far, by their names."""
        rated = self.store.rated(self.listener, trial)
        return {
            name: rated[condition] for name, condition in self.sounds(trial).items() if condition in rated
        }

    def rate(self, name: str, value: int) -> None:
        """Keep a rating.

        Raises:
            InputError: the sound is none of the trial at hand, or the value lies off the scale.
        """
        trial = self.current
        condition = self.sounds(trial).get(name) if trial else None
        if trial is None or condition is None:
            raise InputError(f"id: {name[:40]!r} is no sound of the trial at hand: load the page again")
        low, high = RANGES[trial.kind]
        if not low <= value <= high:
            raise InputError(f"value: expected {low} to {high} in a {trial.kind} test, got {value}")
        self.store.rate(self.listener, trial, condition, value)

    def complete(self, kind: Kind, number: int) -> None:
        """The trial is done. Again, it changes nothing.

        Raises:
            InputError: it is not the one at hand, or not all of its sounds are rated.
        """
        if (kind, number) in self._completed:
            return
        trial = self.current
        if trial is None or (trial.kind, trial.number) != (kind, number):
            raise InputError(f"trial: {kind} {number} is not the one at hand: load the page again")
        missing = len(trial.conditions) - len(self.store.rated(self.listener, trial))
        if missing:
            raise InputError(f"trial: {missing} of its sounds are not rated yet")
        self.store.complete(self.listener, trial)
        self._completed.add((kind, number))

    def _name(self, trial: Trial, place: str) -> str:
        text = f"{self.listener.number} {trial.kind} {trial.number} {place}"
        return hmac.new(bytes.fromhex(self.test.secret), text.encode(), hashlib.sha256).hexdigest()[:24]
