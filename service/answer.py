"""One study's answer as it leaves: the finding, its files, and the explanation beside it, if asked for."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, replace
from typing import Any

from engine.analysis import Analysis
from engine.finding import Finding, json_value
from engine.models import ModelStore
from engine.progress import Progress, part, silent
from engine.registry import Task
from engine.study import Study
from explain.explanation import Explanation, explain

EXPLANATION = "explanation.npz"
FINDING = "finding.json"


@dataclass(frozen=True)
class Answer:
    """An analysed (or refused) study; `explanation` is None where none was asked for, and for a refused study."""

    analysis: Analysis
    explanation: Explanation | None = None

    @property
    def finding(self) -> Finding:
        """The finding, with the explanation among its artefacts."""
        finding = self.analysis.finding
        if self.explanation is None:
            return finding
        return replace(finding, artefacts=finding.artefacts | {"explanation": EXPLANATION})

    @property
    def artefacts(self) -> dict[str, bytes]:
        """The files that the finding names, by file name."""
        files = self.analysis.artefacts
        return files if self.explanation is None else files | {EXPLANATION: self.explanation.to_npz()}

    def to_dict(self) -> dict[str, Any]:
        """The finding as the contract has it, and a summary of the explanation under `explanation`."""
        body = self.finding.to_dict()
        return body if self.explanation is None else body | {"explanation": summary(self.explanation)}

    def to_json(self) -> bytes:
        """finding.json, UTF-8."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False).encode()

    def files(self) -> dict[str, bytes]:
        """Everything that a result folder holds, by file name."""
        return {**self.artefacts, FINDING: self.to_json()}

    def to_zip(self) -> bytes:
        """The result folder as one zip, made in memory."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
            for name, content in self.files().items():
                bundle.writestr(name, content)
        return buffer.getvalue()


def answer(
    task: Task, study: Study, options: Any, store: ModelStore, explained: bool, progress: Progress = silent
) -> Answer:
    """Analyses one study and explains the finding if asked to. Raises what `Task.analyse` raises."""
    if not explained:
        return Answer(task.analyse(study, options, store, progress))
    analysis = task.analyse(study, options, store, part(progress, 0.0, 0.6))
    return Answer(analysis, explain(analysis, store, part(progress, 0.6, 1.0)))


def summary(explanation: Explanation) -> dict[str, Any]:
    """What explanation.npz holds, and how faithful it is, as JSON values."""
    return json_value(
        {
            "methods": {
                name: {"axes": explanation.axes.get(name, ""), "shape": list(array.shape)}
                for name, array in explanation.arrays.items()
            },
            "faithfulness": [vars(check) for check in explanation.faithfulness],
            "details": explanation.details,
        }
    )
