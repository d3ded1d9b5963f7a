"""The ways in which a study can fail to be answered; every message is a sentence for the reader."""

from __future__ import annotations


class EngineError(Exception):
    """Anything the engine reports to a person. The message says what was expected, what came, and what to do."""


class UnreadableInput(EngineError):
    """The bytes are no readable file of the kinds that a task takes (command line: exit 2; HTTP: 422)."""


class RefusedStudy(EngineError):
    """The input was read, but must not be answered: another view, too few leads, no readable calibration.

    `code` is the short machine-readable reason, e.g. `not_an_ecg`.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class WeightError(EngineError):
    """A weight file is missing, altered, or of another shape than its card says."""


class Cancelled(EngineError):
    """The reader stopped the work; nothing is kept."""
