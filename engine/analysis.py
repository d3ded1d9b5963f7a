"""What a task gives back for one study: the finding, its files, and the evidence that pages and explanations draw on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from engine.finding import Finding


@dataclass(frozen=True)
class Analysis:
    """One answered (or refused) study, all in memory.

    `artefacts` maps file names to their bytes, as the contract names them. `evidence` is the task package's own
    data class (for `ecg`: `engine.ecg.evidence.EcgEvidence`), None for a refusal that came before there was any.
    """

    finding: Finding
    artefacts: dict[str, bytes] = field(default_factory=dict, repr=False)
    evidence: Any = field(default=None, repr=False)
