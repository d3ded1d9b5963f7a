"""The finding: one answer per study, in the same form for every task (contract, schema 1)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engine import NOTICE, SOFTWARE_VERSION

SCHEMA = 1


@dataclass(frozen=True)
class Label:
    """One class of the task's question. `probability` is calibrated; `positive` also follows the abstention rule."""

    code: str
    name: str
    probability: float  # 0..1
    threshold: float  # operating point chosen on validation data
    positive: bool
    uncertain: bool = False  # inside the abstention zone around the threshold
    validated: bool = True  # False: too few positive cases to state this class's performance


@dataclass(frozen=True)
class Measurement:
    """One number with its UCUM unit, reference range (`low`..`high`, or None) and the place it was read at."""

    code: str
    name: str
    value: float
    unit: str
    low: float | None = None
    high: float | None = None
    where: dict[str, Any] = field(default_factory=dict)
    source: str = ""  # of the reference range

    @property
    def in_range(self) -> bool | None:
        """Whether the value lies in its reference range; None without a range."""
        if self.low is None and self.high is None:
            return None
        return (self.low is None or self.value >= self.low) and (self.high is None or self.value <= self.high)


@dataclass(frozen=True)
class Quality:
    """One check of the input or of the reading, e.g. how well Einthoven's law is kept."""

    code: str
    value: float
    acceptable: bool
    name: str = ""
    unit: str = ""


@dataclass(frozen=True)
class Refusal:
    """Why a study is not answered: a code, and one sentence with what to do about it."""

    code: str
    message: str


@dataclass(frozen=True)
class WeightUsed:
    name: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """What answered, on which input (by hash only), where, and how long it took."""

    input_sha256: str
    software: str = SOFTWARE_VERSION
    device: str = "cpu"
    seconds: float = 0.0
    weights: tuple[WeightUsed, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """The clinician's own reading, kept only in the finding that they download."""

    agreement: str  # agree | disagree | corrected
    labels: tuple[str, ...] = ()  # the classes the clinician sees
    measurements: dict[str, float] = field(default_factory=dict)  # corrected values by code
    comment: str = ""


@dataclass(frozen=True)
class Finding:
    """The answer to one study. A refused finding carries no label and no measurement."""

    task: str
    provenance: Provenance
    labels: tuple[Label, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    quality: tuple[Quality, ...] = ()
    refusal: Refusal | None = None
    artefacts: dict[str, str] = field(default_factory=dict)  # kind -> file name
    details: dict[str, Any] = field(default_factory=dict)  # the task's own additions, JSON values
    verdict: Verdict | None = None

    def __post_init__(self) -> None:
        if self.refusal and (self.labels or self.measurements):
            raise ValueError("a refused finding carries no label and no measurement")

    @property
    def status(self) -> str:
        return "refused" if self.refusal else "finding"

    def measurement(self, code: str) -> Measurement | None:
        """The first measurement with this code, or None."""
        return next((m for m in self.measurements if m.code == code), None)

    def with_verdict(self, verdict: Verdict | None) -> Finding:
        return replace(self, verdict=verdict)

    def to_dict(self) -> dict[str, Any]:
        """The finding in the contract's form; values that are not finite become null."""
        body = asdict(self)
        return json_value(
            {
                "schema": SCHEMA,
                "notice": NOTICE,
                "task": self.task,
                "status": self.status,
                **{k: body[k] for k in ("refusal", "labels", "measurements", "quality", "artefacts")},
                "details": body["details"],
                "verdict": body["verdict"],
                "provenance": body["provenance"],
            }
        )

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def json_value(value: Any) -> Any:
    """The value as JSON can hold it: arrays become lists, and null stands for numbers that are not finite."""
    if isinstance(value, dict):
        return {str(key): json_value(item) for key, item in value.items()}
    if hasattr(value, "tolist"):  # NumPy arrays and scalars
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [json_value(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
