"""Stored ECG signals: WFDB records, DICOM ECG waveforms and CSV tables become twelve leads at 500 Hz, all in memory."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from engine.dicom_elements import items, read_elements
from engine.ecg.leads import LEADS, RATE_HZ
from engine.ecg.signal import EcgSignal
from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.study import Part, Study

MIN_SECONDS = 2.0  # less holds no two beats at a low normal rate
MAX_SECONDS = 600.0
MIN_LEADS = 6  # as for pages: fewer are a fragment of a twelve-lead ECG
MAX_MV = 20.0  # 99.9th percentile around the median; a larger value has another unit
RATES_HZ = (50.0, 20_000.0)  # outside, a header or a time column states another unit
TABLE_SUFFIXES = (".csv", ".tsv", ".txt")
WFDB_SUFFIXES = (".hea", ".dat", ".mat")

_LEAD_BY_NAME = {lead.lower(): lead for lead in LEADS}
_LEAD_BY_SCP_CODE = dict(
    zip((1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8), LEADS, strict=True)
)  # ISO/IEEE 11073-10102 and SCP-ECG lead numbers
_PER_MV = {"mv": 1.0, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6, "v": 1e3}
_NAME_WITH_UNIT = re.compile(r"^(.*?)[\s_]*[\[(_]\s*(mv|uv|µv|μv|nv|v)\s*[\])]?$")
_TIME = re.compile(r"^(time|t|seconds|sec|s|ms)?[\s_]*[\[(]?\s*(s|sec|seconds|ms|msec|milliseconds)?\s*[\])]?$")


@dataclass(frozen=True)
class Stored:
    """What a file holds before it becomes twelve leads: (T, leads) mV at its own rate, by lead name."""

    leads: tuple[str, ...]
    samples_mv: np.ndarray
    rate_hz: float


def is_signal(study: Study) -> bool:
    """Whether the study is a stored signal (or means to be one, by name) rather than a picture."""
    return any(p.suffix in WFDB_SUFFIXES + TABLE_SUFFIXES or _is_dicom(p) for p in study.parts)


def read_signal(study: Study) -> EcgSignal:
    """The study's twelve leads in mV at 500 Hz, NaN where a lead has no sample.

    WFDB: one `.hea` with the signal files that it names (formats 16, 61, 80, 160, 212, 24, 32; `.mat` of the PhysioNet
    challenges is format 16 with an offset). DICOM: the first original multiplex group of a waveform object. CSV: a header of
    lead names, units in it if not mV (`V1_uV`), and a time column in seconds, else 500 Hz; empty cells are missing samples.
    Limb leads that a file leaves out follow from the two that it gives (Einthoven, Goldberger).

    Raises:
        UnreadableInput: if the bytes are no such file, or damaged.
        RefusedStudy: `too_few_leads`, `too_short`, `too_long`, `no_samples`, `implausible`, `several_records`, `no_waveform`.
    """
    stored = _read(study)
    _check(stored)
    columns = np.full((len(stored.samples_mv), 12), np.nan, np.float32)
    for k, lead in enumerate(stored.leads):
        columns[:, LEADS.index(lead)] = stored.samples_mv[:, k]
    samples = at_500_hz(with_all_limb_leads(columns), stored.rate_hz)
    return EcgSignal(samples, np.isfinite(samples).astype(np.float32))


def with_all_limb_leads(samples_mv: np.ndarray) -> np.ndarray:
    """(T, 12) with limb leads that are wholly missing computed from any two of I, II, III. Given leads stay as they are."""
    i, ii, iii = (samples_mv[:, k] for k in range(3))
    if not np.isfinite(i).any():
        i = ii - iii
    if not np.isfinite(ii).any():
        ii = i + iii
    derived = np.stack([i, ii, ii - i, -(i + ii) / 2, i - ii / 2, ii - i / 2], axis=1)
    missing = ~np.isfinite(samples_mv).any(axis=0)
    complete = samples_mv.copy()
    complete[:, :6][:, missing[:6]] = derived[:, missing[:6]]
    return complete


def at_500_hz(samples: np.ndarray, rate_hz: float) -> np.ndarray:
    """(T, leads) at `rate_hz` as float32 at 500 Hz; stretches without samples stay without."""
    ratio = Fraction(RATE_HZ / rate_hz).limit_denominator(1000)
    if ratio == 1:
        return samples.astype(np.float32)
    from scipy.signal import resample_poly

    length = -(-len(samples) * ratio.numerator // ratio.denominator)
    nearest = np.minimum(np.rint(np.arange(length) / float(ratio)).astype(int), len(samples) - 1)
    resampled = np.full((length, samples.shape[1]), np.nan, np.float32)
    for k in range(samples.shape[1]):
        given = np.flatnonzero(np.isfinite(samples[:, k]))
        if len(given):
            bridged = np.interp(np.arange(len(samples)), given, samples[given, k])
            values = resample_poly(bridged, ratio.numerator, ratio.denominator, padtype="line")
            resampled[:, k] = np.where(np.isfinite(samples[nearest, k]), values, np.nan)
    return resampled


def lead_name(text: str) -> str | None:
    """The standard name of a lead written in any usual way: `avr`, `Lead V1`, `ECG_II`, `MDC_ECG_LEAD_AVF`; None if unknown."""
    bare = re.sub(r"^(mdc[\s_]+)?(ecg[\s_]*)?(lead[\s_]*)?", "", text.strip().strip('"').lower())
    return _LEAD_BY_NAME.get(re.sub(r"[\s_,(-].*$", "", bare))


def _read(study: Study) -> Stored:
    headers = [p for p in study.parts if p.suffix == ".hea"]
    waveforms = [p for p in study.parts if _is_dicom(p)]
    tables = [p for p in study.parts if p.suffix in TABLE_SUFFIXES]
    for kind in (headers, waveforms, tables):
        if len(kind) > 1:
            raise RefusedStudy("several_records", f"The study holds {len(kind)} records; send one record at a time.")
    if headers:
        return read_wfdb(headers[0], study.parts)
    if waveforms:
        return read_dicom(waveforms[0])
    if tables:
        return read_csv(tables[0])
    if any(p.suffix in WFDB_SUFFIXES for p in study.parts):
        raise UnreadableInput("The WFDB signal came without its header; choose the .hea file together with it.")
    raise UnreadableInput("Expected a WFDB record, a DICOM ECG or a CSV table; none of the files is one.")


def _check(stored: Stored) -> None:
    if not RATES_HZ[0] <= stored.rate_hz <= RATES_HZ[1]:
        raise RefusedStudy(
            "implausible",
            f"The signal states {stored.rate_hz:.4g} samples a second; an ECG has {RATES_HZ[0]:.0f} to {RATES_HZ[1]:.0f}. "
            "Correct the rate, or give the time column in seconds.",
        )
    seconds = len(stored.samples_mv) / stored.rate_hz
    if seconds < MIN_SECONDS:
        raise RefusedStudy("too_short", f"The signal lasts {seconds:.2f} s; at least {MIN_SECONDS:.0f} s are needed.")
    if seconds > MAX_SECONDS:
        raise RefusedStudy(
            "too_long", f"The signal lasts {seconds / 60:.0f} min; cut it to at most {MAX_SECONDS / 60:.0f}."
        )
    _check_samples(stored)


def _check_samples(stored: Stored) -> None:
    given = np.isfinite(stored.samples_mv)
    if given.any(axis=1).sum() < MIN_SECONDS * stored.rate_hz:
        raise RefusedStudy(
            "no_samples",
            f"Less than {MIN_SECONDS:.0f} s of the signal have values, the rest is missing; export it again.",
        )
    leads = int(given.any(axis=0).sum())
    if leads < MIN_LEADS:
        raise RefusedStudy(
            "too_few_leads", f"The signal has {leads} of the twelve leads; at least {MIN_LEADS} are needed."
        )
    values = stored.samples_mv[given]
    spread = np.abs(values - np.median(values))
    if spread.max() == 0:
        raise RefusedStudy("no_samples", "All leads are flat lines; export the signal again.")
    if (high := float(np.quantile(spread, 0.999))) > MAX_MV:
        raise RefusedStudy(
            "implausible",
            f"The signal reaches {high:.3g} mV, an ECG stays below {MAX_MV:.0f}; state its unit (in a CSV header: `V1_uV`).",
        )


# --- CSV ----------------------------------------------------------------------------------------------------------


def read_csv(part: Part) -> Stored:
    """A table of one column per lead, with a header of lead names; separated by comma, semicolon or tab."""
    head, _, body = part.data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").partition(b"\n")
    names, mark = _header_of(head)
    columns = [(_split_unit(name), k) for k, name in enumerate(names)]
    found = [(lead, factor, k) for (name, factor), k in columns if (lead := lead_name(name))]
    if not found:
        raise UnreadableInput(
            "Expected a table whose first line names the leads (I, II, III, aVR, ..., V6); none of them was found there."
        )
    if len({lead for lead, _, _ in found}) < len(found):
        raise UnreadableInput("The table's first line names a lead twice; keep one column per lead.")
    values = _numbers(body, mark, len(names))
    samples = np.stack([values[:, k] * factor for _, factor, k in found], axis=1)
    return Stored(tuple(lead for lead, _, _ in found), samples, _rate_of(names, values))


def _header_of(line: bytes) -> tuple[list[str], bytes]:
    """The column names and the mark between them."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableInput(
            "Expected a CSV table, but the file is not text; check that it is the right file."
        ) from error
    mark = max(",;\t", key=text.count)
    if mark not in text:
        raise UnreadableInput("Expected a CSV table whose first line names the leads; the file is no such table.")
    return [name.strip().strip('"') for name in text.split(mark)], mark.encode()


def _split_unit(name: str) -> tuple[str, float]:
    """`V1 (uV)` -> (`v1`, 0.001): the name, and its unit in mV."""
    match = _NAME_WITH_UNIT.match(name.lower())
    return (match[1], _PER_MV[match[2]]) if match and lead_name(match[1]) else (name, 1.0)


def _numbers(body: bytes, mark: bytes, columns: int) -> np.ndarray:
    """(rows, columns) float64; empty cells become NaN. Every row has as many cells as the header, and only numbers."""
    if mark == b";":
        body = body.replace(b",", b".")  # decimal commas
    body = body.replace(mark, b",").replace(b" ", b"").strip(b"\n")
    for gap, filled in ((b",,", b",nan,"), (b",,", b",nan,"), (b"\n,", b"\nnan,"), (b",\n", b",nan\n")):
        body = body.replace(gap, filled)
    body = (b"nan" if body.startswith(b",") else b"") + body + (b"nan" if body.endswith(b",") else b"")
    if not body:
        raise UnreadableInput("The table has a first line but no values; export it again.")
    try:
        values = np.loadtxt(io.StringIO(body.decode("ascii")), delimiter=",", ndmin=2, comments=None)
    except (ValueError, OverflowError) as error:
        raise UnreadableInput(
            "The table's rows differ in length or hold something other than numbers; export it again."
        ) from error
    if values.shape[1] != columns:
        raise UnreadableInput(
            f"The table names {columns} columns but its rows have {values.shape[1]}; export it again."
        )
    values[~np.isfinite(values)] = np.nan
    return values


def _rate_of(names: list[str], values: np.ndarray) -> float:
    """Samples a second by the time column; 500 without one."""
    times = [(m[1] or "", m[2] or "", k) for k, name in enumerate(names) if (m := _TIME.match(name.lower())) and name]
    if not times:
        return float(RATE_HZ)
    name, unit, column = times[0]
    seconds = values[:, column] * (1e-3 if unit.startswith("m") or name == "ms" else 1.0)
    steps = np.diff(seconds)
    if not len(steps) or not np.isfinite(steps).all() or np.median(steps) <= 0:
        raise UnreadableInput("The table's time column does not increase steadily; export it again.")
    step = float(seconds[-1] - seconds[0]) / len(steps)
    if np.abs(steps - step).max() > 0.5 * step:
        raise UnreadableInput("The table's time column has gaps or repeats; export it with equal time steps.")
    return round(1 / step, 3)


# --- WFDB ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Channel:
    """A signal line of a WFDB header (WFDB Applications Guide, header(5))."""

    file: str
    format: str
    offset: int
    gain: float  # steps per unit
    baseline: float  # the step that is 0
    unit: str
    name: str


_SIGNAL_FIELDS = re.compile(r"^(\d+)(?:x(\d+))?(?::\d+)?(?:\+(\d+))?$")
_GAIN_FIELDS = re.compile(r"^([-+0-9.eE]+)(?:\((-?\d+)\))?(?:/(\S+))?$")
_DEFAULT_GAIN = 200.0  # steps per mV, and
_DEFAULT_RATE_HZ = 250.0  # where a header states none: header(5)
_INVALID = {"16": -(1 << 15), "61": -(1 << 15), "80": -(1 << 7), "160": -(1 << 15), "212": -(1 << 11)} | {
    "24": -(1 << 23),
    "32": -(1 << 31),
}  # steps that mean "no sample": signal(5)


def read_wfdb(header: Part, parts: tuple[Part, ...]) -> Stored:
    """A single-segment WFDB record: its header and, among `parts`, the signal files that the header names."""
    try:
        rate_hz, length, channels = _parse_header(header.data.decode("utf-8"))
    except EngineError:
        raise
    except (ValueError, IndexError) as error:
        raise UnreadableInput("The WFDB header is damaged; export the record again.") from error
    files = {p.name.lower(): p for p in parts}
    signals: dict[int, np.ndarray] = {}
    for file in dict.fromkeys(c.file for c in channels):
        if file.lower() not in files:
            raise UnreadableInput(
                "The signal file that the WFDB header names is missing; choose both files, or a zip of them."
            )
        group = [k for k, c in enumerate(channels) if c.file == file]
        steps = _samples_of(files[file.lower()].data, channels[group[0]], len(group), length)
        signals |= {k: steps[:, place] for place, k in enumerate(group)}
    if len({len(s) for s in signals.values()}) != 1:
        raise UnreadableInput("The record's signal files differ in length; export the record again.")
    return _stored(channels, signals, rate_hz)


def _stored(channels: list[_Channel], signals: dict[int, np.ndarray], rate_hz: float) -> Stored:
    known = {name: k for k, c in enumerate(channels) if (name := lead_name(c.name))}
    if not known:
        raise RefusedStudy("too_few_leads", "The WFDB header describes none of the twelve leads (I, II, ..., V6).")
    columns = []
    for k in known.values():
        channel = channels[k]
        if channel.unit.lower() not in _PER_MV:
            raise RefusedStudy("implausible", f"A lead's unit is `{channel.unit[:12]}`; expected mV or uV.")
        steps = signals[k].astype(np.float64)
        steps[signals[k] == _INVALID[channel.format]] = np.nan
        columns.append((steps - channel.baseline) / channel.gain * _PER_MV[channel.unit.lower()])
    return Stored(tuple(known), np.stack(columns, axis=1), rate_hz)


def _parse_header(text: str) -> tuple[float, int | None, list[_Channel]]:
    """(rate in Hz, samples per signal or None, channels) of header(5)."""
    lines = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines or len(lines[0]) < 2:
        raise UnreadableInput("The WFDB header is empty or damaged; export the record again.")
    record = lines[0]
    if "/" in record[0]:
        raise RefusedStudy(
            "several_records", "The WFDB record has several segments; export one segment as a record of its own."
        )
    count = int(record[1])
    rate_hz = float(re.split(r"[/(]", record[2])[0]) if len(record) > 2 else _DEFAULT_RATE_HZ
    length = int(record[3]) if len(record) > 3 and int(record[3]) > 0 else None
    if not 1 <= count <= len(lines) - 1 or not np.isfinite(rate_hz) or rate_hz <= 0:
        raise UnreadableInput(
            f"The WFDB header announces {count} signals and describes {len(lines) - 1}; export it again."
        )
    return rate_hz, length, [_parse_channel(fields) for fields in lines[1 : count + 1]]


def _parse_channel(fields: list[str]) -> _Channel:
    layout = _SIGNAL_FIELDS.match(fields[1])
    if not layout or layout[1] not in _INVALID or layout[2] not in (None, "1"):
        raise UnreadableInput(
            f"The WFDB signal format `{fields[1][:12]}` is not read; export the record in format 16 or 212."
        )
    gain = _GAIN_FIELDS.match(fields[2]) if len(fields) > 2 else None
    if len(fields) > 2 and not gain:
        raise UnreadableInput("The WFDB header states a gain that is no number; export the record again.")
    zero = float(fields[4]) if len(fields) > 4 else 0.0
    return _Channel(
        file=fields[0].replace("\\", "/").rsplit("/", 1)[-1],
        format=layout[1],
        offset=int(layout[3] or 0),
        gain=(float(gain[1]) if gain else 0.0) or _DEFAULT_GAIN,
        baseline=float(gain[2]) if gain and gain[2] else zero,
        unit=(gain[3] if gain else None) or "mV",
        name=" ".join(fields[8:]),
    )


def _samples_of(data: bytes, channel: _Channel, channels: int, length: int | None) -> np.ndarray:
    """(T, channels) steps of one signal file, samples of its channels interleaved."""
    steps = _unpack(data[channel.offset :], channel.format)
    if length is None:
        length = len(steps) // channels
    if length < 1 or len(steps) < length * channels:
        seen = len(steps) // channels
        raise UnreadableInput(
            f"The WFDB header announces {length} samples per lead and the signal file holds {seen}; export the record again."
        )
    return steps[: length * channels].reshape(length, channels)


def _unpack(data: bytes, layout: str) -> np.ndarray:
    """Signed steps as int32, by the storage formats of signal(5)."""
    if layout == "212":  # two 12-bit samples in three bytes
        raw = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int32)
        pair = np.stack([raw[:, 0] | (raw[:, 1] & 0x0F) << 8, raw[:, 2] | (raw[:, 1] & 0xF0) << 4], axis=1).ravel()
        return np.where(pair >= 1 << 11, pair - (1 << 12), pair)
    if layout == "24":
        raw = np.frombuffer(data[: len(data) // 3 * 3], np.uint8).reshape(-1, 3).astype(np.int32)
        value = raw[:, 0] | raw[:, 1] << 8 | raw[:, 2] << 16
        return np.where(value >= 1 << 23, value - (1 << 24), value)
    if layout in ("80", "160"):  # offset binary
        kind = np.dtype("u1" if layout == "80" else "<u2")
        return np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind).astype(np.int32) - (
            1 << (8 * kind.itemsize - 1)
        )
    kind = np.dtype({"16": "<i2", "61": ">i2", "32": "<i4"}[layout])
    return np.frombuffer(data[: len(data) // kind.itemsize * kind.itemsize], kind).astype(np.int32)


# --- DICOM --------------------------------------------------------------------------------------------------------


def _is_dicom(part: Part) -> bool:
    return part.data[128:132] == b"DICM"


def read_dicom(part: Part) -> Stored:
    """The ECG of a DICOM waveform object (PS3.3 A.34, C.10.9): its longest original multiplex group, in mV."""
    from pydicom.waveforms import multiplex_array

    try:
        elements = read_elements(part.data)
        groups = items(elements, "WaveformSequence")
        if not groups:
            raise RefusedStudy(
                "no_waveform", "The DICOM file holds no waveform; send the ECG's waveform object, or a picture."
            )
        original = [k for k, g in enumerate(groups) if str(g.get("WaveformOriginality", "ORIGINAL")) == "ORIGINAL"]
        index = max(original or range(len(groups)), key=lambda k: int(groups[k].NumberOfWaveformSamples))
        rate_hz = float(groups[index].SamplingFrequency)
        channels = [_dicom_channel(c) for c in groups[index].ChannelDefinitionSequence]
        values = np.asarray(multiplex_array(elements, index, as_raw=False), np.float64)
    except EngineError:
        raise
    except Exception as error:  # pydicom raises anything from AttributeError to struct.error on damaged files
        raise UnreadableInput("The DICOM waveform is damaged or incomplete; export it again.") from error
    known = {lead: (k, factor) for k, (lead, factor) in enumerate(channels) if lead}
    if not known:
        raise RefusedStudy("too_few_leads", "The DICOM waveform names none of the twelve leads (I, II, ..., V6).")
    columns = np.stack([values[:, k] * factor for k, factor in known.values()], axis=1)
    return Stored(tuple(known), columns, rate_hz)


def _dicom_channel(channel) -> tuple[str | None, float]:
    """(lead or None, unit in mV) of a channel definition (PS3.16 CID 3001 names leads, CID 3082 units)."""
    source = channel.ChannelSourceSequence[0]
    lead = lead_name(str(source.get("CodeMeaning", ""))) or _lead_by_code(str(source.get("CodeValue", "")))
    units = channel.get("ChannelSensitivityUnitsSequence")
    unit = str(units[0].CodeValue).lower() if units else "mv"
    if lead and unit not in _PER_MV:
        raise RefusedStudy("implausible", f"A lead's unit is `{unit[:12]}`; expected mV or uV.")
    return lead, _PER_MV.get(unit, 1.0)


def _lead_by_code(code: str) -> str | None:
    """`2:61` (MDC) or `5.6.3-9-61` (SCP-ECG) -> `III`."""
    number = re.search(r"(?:^2:|^5\.6\.3-9-)(\d+)$", code)
    return _LEAD_BY_SCP_CODE.get(int(number[1])) if number else None
