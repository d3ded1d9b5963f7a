"""Labelled 12-lead records to train on: the array layout of `index12.csv`, or WFDB folders with SNOMED or SCP codes."""

from __future__ import annotations

import ast
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import signal as filters

from engine.ecg.classifier import NETWORK_RATE_HZ, WINDOW, resample
from engine.ecg.leads import CLASSES, LEADS, RATE_HZ

INDEPENDENT = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")  # the other four limb leads follow from I and II
STORE_RATE_HZ = 250
STORE_STEP_MV = 0.005
# SNOMED CT codes of the PhysioNet/CinC Challenges 2020 and 2021 (dx_mapping_scored.csv) and what they say of our classes.
SNOMED = {
    "426783006": "SR",  # sinus rhythm: Normal only if nothing else is stated
    "164889003": "AF",
    "270492004": "I-AVB",
    "733534002": "LBBB",  # complete
    "164909002": "LBBB",
    "713427006": "RBBB",  # complete
    "59118001": "RBBB",
    "284470004": "PAC",
    "63593006": "PAC",  # supraventricular premature beats
    "427172004": "PVC",
    "17338001": "PVC",
    "164884008": "PVC",
    "429622005": "STD",
    "164931005": "STE",
}
SNOMED_UNKNOWN = {  # a statement that leaves a class open
    "713426002": "RBBB",
    "251120003": "LBBB",
    "6374002": "LBBB RBBB",
    "10370003": "LBBB RBBB",
    "427393009": "Normal",
    "284941000119107": "PAC PVC",
    "55930002": "STD STE",
    "59931005": "STD",
    "164930006": "STD STE",
}
SCP = {  # statements of PTB-XL (scp_statements.csv)
    "NORM": "Normal",
    "AFIB": "AF",
    "1AVB": "I-AVB",
    "CLBBB": "LBBB",
    "CRBBB": "RBBB",
    "PAC": "PAC",
    "PVC": "PVC",
    "STD_": "STD",
    "STE_": "STE",
}
SCP_UNKNOWN = {
    "ILBBB": "LBBB",
    "IRBBB": "RBBB",
    "PACE": "LBBB RBBB",
    "PRC(S)": "PAC PVC",
    "NST_": "STD STE",
    "LPR": "I-AVB",
}
# Statements of PTB-XL beside the nine classes that teach the encoder more shapes (training only).
AUXILIARY = (
    "ABQRS", "LVH", "NDT", "IMI", "ASMI", "LAFB", "ISC_", "IRBBB", "VCLVH", "SARRH", "IVCD", "STACH",
    "NST_", "ISCAL", "SBRAD", "QWAVE", "LOWT", "LAO/LAE", "NT_", "AMI", "ILMI", "INVT", "LPR", "AFLT",
)  # fmt: skip


@dataclass(frozen=True)
class EcgRecords:
    """n records at the network's 100 Hz after its 40 Hz low-pass.

    signals_mv: (n, 8, 1000) float32, leads of INDEPENDENT, zero after a shorter record's end. lengths: (n,) samples.
    stored: (n, 8, 2500) int16, the same leads before the low-pass, at STORE_RATE_HZ in steps of STORE_STEP_MV.
    labels: (n, 9) float32: 1, 0, NaN where not known. auxiliary: (n, len(AUXILIARY)) likewise.
    amplitude_true: (n,) bool; where False the mV were rescaled and say nothing of ST levels.
    """

    signals_mv: np.ndarray
    lengths: np.ndarray
    stored: np.ndarray
    labels: np.ndarray
    auxiliary: np.ndarray
    amplitude_true: np.ndarray
    patient: np.ndarray
    source: np.ndarray
    split: np.ndarray
    age: np.ndarray
    sex: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: np.ndarray) -> EcgRecords:
        """The records at these rows."""
        return EcgRecords(**{name: values[rows] for name, values in vars(self).items()})


def read_records(folder: Path, cache: Path | None = None) -> EcgRecords:
    """Reads a data folder of either kind: `index12.csv` with its shards, or WFDB headers at any depth.

    cache: a file (.npz) that keeps the prepared arrays between runs.

    Raises:
        ValueError: if the folder holds neither, or no record in it can be read.
    """
    if cache is not None and cache.is_file():
        with np.load(cache, allow_pickle=False) as stored:
            return EcgRecords(**dict(stored))
    rows = list(_store(folder) if (folder / "index12.csv").is_file() else _wfdb(folder))
    if not rows:
        raise ValueError(f"{folder} holds no index12.csv and no WFDB header with diagnoses; name the folder that does.")
    records = EcgRecords(**{name: np.array([row[name] for row in rows]) for name in EcgRecords.__annotations__})
    if cache is not None:
        cache.parent.mkdir(parents=True, exist_ok=True)
        np.savez(cache, **vars(records))
    return records


def at_500_hz(records: EcgRecords, row: int) -> np.ndarray:
    """(T, 12) float32 mV of one record as the engine would get it from a file."""
    seconds = records.lengths[row] / NETWORK_RATE_HZ
    stored = records.stored[row, :, : round(seconds * STORE_RATE_HZ)] * STORE_STEP_MV
    return filters.resample_poly(twelve_leads(stored).T, RATE_HZ, STORE_RATE_HZ, axis=0, padtype="line").astype(
        np.float32
    )


def twelve_leads(independent: np.ndarray) -> np.ndarray:
    """(..., 8, T) of INDEPENDENT -> (..., 12, T) in the order of LEADS, by Einthoven's and Goldberger's laws."""
    one, two = independent[..., 0, :], independent[..., 1, :]
    limb = np.stack([one, two, two - one, -(one + two) / 2, one - two / 2, two - one / 2], axis=-2)
    return np.concatenate([limb, independent[..., 2:, :]], axis=-2)


def labels_from_codes(codes: set[str]) -> np.ndarray:
    """(9,) labels from SNOMED CT or SCP codes: 1 stated, 0 not stated, NaN where a statement leaves the class open."""
    labels = np.zeros(len(CLASSES), np.float32)
    for code in codes:
        for name in (SNOMED_UNKNOWN.get(code, "") + " " + SCP_UNKNOWN.get(code, "")).split():
            labels[CLASSES.index(name)] = np.nan
    stated = {str(SNOMED.get(code) or SCP.get(code)) for code in codes}
    for name in stated & set(CLASSES):
        labels[CLASSES.index(name)] = 1
    if codes and codes <= {"426783006"}:
        labels[CLASSES.index("Normal")] = 1
    return labels


def _store(folder: Path) -> Iterator[dict[str, object]]:
    shards: dict[str, np.ndarray] = {}
    with (folder / "index12.csv").open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            shard = f"signals_{int(row['shard']):02d}.npz"
            if shard not in shards:
                shards[shard] = np.load(folder / shard)["delta"]
            millivolt = np.cumsum(shards[shard][int(row["shard_row"])], axis=-1, dtype=np.int32) * STORE_STEP_MV
            labels = [float(row[c]) if row[c] else np.nan for c in CLASSES]
            codes = set(row["codes"].split("|")) if row["source"] == "PTB-XL" else None
            yield _record(
                millivolt, STORE_RATE_HZ, labels, codes, row["amplitude"] == "true",
                row["patient"], row["source"], row["split"], row["age"], row["sex"],
            )  # fmt: skip


def _wfdb(folder: Path) -> Iterator[dict[str, object]]:
    import wfdb

    scp = _ptbxl_statements(folder)
    for header in sorted(folder.rglob("*.hea")):
        name = str(header.with_suffix(""))
        head = wfdb.rdheader(name)
        stated = scp.get(header.stem.split("_")[0].lstrip("0")) if scp else None
        codes, patient, split, age, sex = stated or _challenge_statements(header, head.comments)
        names = [n.upper() for n in head.sig_name or ()]
        if not codes or not {n.upper() for n in LEADS} <= set(names):
            continue
        values = wfdb.rdrecord(name).p_signal
        order = [names.index(n.upper()) for n in INDEPENDENT]
        finite = np.nan_to_num(values[:, order].T)
        yield _record(
            finite, int(head.fs), labels_from_codes(codes), codes if stated else None, True,
            patient, header.parent.name, split, age, sex,
        )  # fmt: skip


def _ptbxl_statements(folder: Path) -> dict[str, tuple[set[str], str, str, str, str]]:
    """ecg_id -> codes, patient, split, age, sex from ptbxl_database.csv, if there is one. Likelihood 0 means unknown."""
    path = folder / "ptbxl_database.csv"
    if not path.is_file():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {
            row["ecg_id"]: (
                set(ast.literal_eval(row["scp_codes"])),
                row["patient_id"],
                {"9": "valid", "10": "test"}.get(row["strat_fold"], "train"),
                row["age"],
                {"0": "M", "1": "F"}.get(row["sex"], ""),
            )
            for row in csv.DictReader(file)
        }


def _challenge_statements(header: Path, comments: list[str]) -> tuple[set[str], str, str, str, str]:
    """The same from the comment lines of a PhysioNet challenge header (`#Dx: 164889003,426783006`); one record a patient.

    A sixth of the records, chosen by name, is kept as `valid`.
    """
    stated = dict(line.split(":", 1) for line in comments if ":" in line)
    stated = {key.strip().lower(): value.strip() for key, value in stated.items()}
    codes = {code.strip() for code in stated.get("dx", "").split(",")} - {""}
    split = "valid" if sum(header.stem.encode()) % 6 == 0 else "train"
    return codes, header.stem, split, stated.get("age", ""), stated.get("sex", "")[:1].upper()


def _record(
    millivolt: np.ndarray, rate_hz: int, labels: object, codes: set[str] | None, true_amplitude: bool,
    patient: str, source: str, split: str, age: str, sex: str,
) -> dict[str, object]:  # fmt: skip
    """One row of EcgRecords from (8, samples) mV at any rate; the first 10 s count."""
    at_500 = filters.resample_poly(millivolt.T, RATE_HZ, rate_hz, axis=0, padtype="line")
    values = resample(at_500)[0][:WINDOW].T
    at_250 = filters.resample_poly(millivolt.T, STORE_RATE_HZ, rate_hz, axis=0, padtype="line")[: 10 * STORE_RATE_HZ].T
    stored = np.zeros((len(INDEPENDENT), 10 * STORE_RATE_HZ), np.int16)
    stored[:, : at_250.shape[1]] = np.round(at_250 / STORE_STEP_MV).clip(-32000, 32000)
    signals = np.zeros((len(INDEPENDENT), WINDOW), np.float32)
    signals[:, : values.shape[1]] = values - np.median(values, axis=1, keepdims=True)
    try:
        years = float(age)
    except ValueError:
        years = np.nan
    return {
        "signals_mv": signals,
        "lengths": values.shape[1],
        "stored": stored,
        "labels": np.asarray(labels, np.float32),
        "auxiliary": np.array([float(c in codes) if codes is not None else np.nan for c in AUXILIARY], np.float32),
        "amplitude_true": true_amplitude,
        "patient": patient,
        "source": source,
        "split": split,
        "age": years,
        "sex": sex,
    }
