"""Stored signals, written byte by byte here, read back as twelve leads at 500 Hz; broken ones give one clear sentence."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ecg.leads import LEADS
from engine.ecg.read_signal import is_signal, lead_name, read_signal, with_all_limb_leads
from engine.ecg.signal import EcgSignal
from engine.errors import EngineError, RefusedStudy, UnreadableInput
from engine.study import Part, Study
from tests.engine.ecg.drawn_ecg import draw, printed_3x4, regular

RECORD = draw(regular(72), seconds=4.0)


def study(*parts: tuple[str, bytes]) -> Study:
    return Study("record", tuple(Part(name, data) for name, data in parts))


# --- CSV ----------------------------------------------------------------------------------------------------------


def table(header: str, rows: np.ndarray, mark: str = ",") -> Study:
    text = header + "\n" + "\n".join(mark.join("" if v != v else f"{v:.4f}" for v in row) for row in rows) + "\n"
    return study(("table.csv", text.encode()))


def test_our_own_signal_csv_comes_back_as_it_went():
    page = printed_3x4(draw(regular(72)))
    back = read_signal(study(("signal.csv", page.to_csv())))
    np.testing.assert_allclose(back.samples_mv, page.samples_mv, atol=6e-5)
    np.testing.assert_array_equal(back.confidence, np.isfinite(page.samples_mv))


def test_the_first_and_last_rows_may_be_empty():
    samples = RECORD.samples_mv.copy()
    samples[:10], samples[-10:] = np.nan, np.nan
    back = read_signal(study(("signal.csv", EcgSignal(samples, samples).to_csv())))
    assert back.samples_mv.shape == samples.shape
    np.testing.assert_array_equal(np.isfinite(back.samples_mv), np.isfinite(samples))


def test_lead_names_units_marks_and_order_as_they_come():
    rows = RECORD.samples_mv[:, ::-1] * 1000
    header = "\t".join(f"lead {lead.lower()} (uV)" for lead in LEADS[::-1])
    back = read_signal(table(header, rows, "\t"))
    np.testing.assert_allclose(back.samples_mv, RECORD.samples_mv, atol=1e-5)


def test_decimal_commas_beside_semicolons():
    text = (
        ";".join(LEADS)
        + "\r\n"
        + "\r\n".join(";".join(f"{v:.4f}".replace(".", ",") for v in r) for r in RECORD.samples_mv)
    )
    np.testing.assert_allclose(read_signal(study(("a.csv", text.encode()))).samples_mv, RECORD.samples_mv, atol=6e-5)


@pytest.mark.parametrize(
    ("header", "step"), [("time_s", 1 / 250), ("time_ms", 4.0), ("Time (ms)", 4.0), ("t", 1 / 250)]
)
def test_the_time_column_gives_the_rate(header, step):
    slow = RECORD.samples_mv[::2]
    rows = np.column_stack([np.arange(len(slow)) * step, slow])
    back = read_signal(table(",".join([header, *LEADS]), rows))
    assert back.samples_mv.shape == (2000, 12)
    assert (
        np.abs(back.samples_mv[50:-50] - RECORD.samples_mv[50:-50]).max() < 0.12
    )  # what 125 Hz leave of drawn corners


def test_a_constant_stays_constant_at_another_rate():
    rows = np.column_stack([np.arange(1000) / 257, np.tile(np.linspace(0.1, 1.2, 12), (1000, 1))])
    rows[300:400, 1 + LEADS.index("aVF")] = np.nan
    back = read_signal(table(",".join(["time_s", *LEADS]), rows.round(6)))
    assert len(back.samples_mv) == pytest.approx(1000 * 500 / 257, abs=1)
    np.testing.assert_allclose(back.lead("V6"), 1.2, atol=1e-3)
    assert np.isnan(back.lead("aVF")).sum() == pytest.approx(100 * 500 / 257, abs=3)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"This is a letter.\nNot a table.\n", "no such table"),
        (b"a,b,c\n1,2,3\n", "names the leads"),
        (b"\x00\x01\xff\xfe,\x80\n", "not text"),
        (b"I,II,V1\n", "no values"),
        (b"I,II,V1\n1,2\n1,2,3\n", "differ in length"),
        (b"I,II,V1\n1,2\n1,2\n", "names 3 columns"),
        (b"I,II,V1\n1,x,3\n", "other than numbers"),
        (b"I,II,II\n1,2,3\n", "twice"),
        (b"time_s,I,II\n0,1,2\n0,1,2\n", "increase steadily"),
        (b"time_s,I,II\n0,1,2\n0.002,1,2\n0.5,1,2\n", "gaps or repeats"),
        (b"time_s,I,II\n,1,2\n0.002,1,2\n", "increase steadily"),
    ],
)
def test_a_bad_table_is_named(data, words):
    with pytest.raises(UnreadableInput, match=words):
        read_signal(study(("a.csv", data)))


@pytest.mark.parametrize(
    ("samples", "code"),
    [
        (RECORD.samples_mv[:900], "too_short"),
        (np.zeros((2000, 12)), "no_samples"),
        (np.full((2000, 12), np.nan), "no_samples"),
        (RECORD.samples_mv * 1000, "implausible"),
    ],
)
def test_a_useless_signal_is_refused(samples, code):
    with pytest.raises(RefusedStudy) as refused:
        read_signal(table(",".join(LEADS), samples))
    assert refused.value.code == code


def test_eleven_minutes_are_too_long():
    text = ",".join(LEADS) + "\n" + (",".join(["0.5"] * 12) + "\n") * (11 * 60 * 100)
    rows = text.replace("I,II", "time_s,I,II", 1).splitlines()
    body = "\n".join(f"{k / 100:.2f},{row}" for k, row in enumerate(rows[1:]))
    with pytest.raises(RefusedStudy, match="11 min"):
        read_signal(study(("long.csv", f"{rows[0]}\n{body}".encode())))


def test_a_time_column_in_another_unit_is_refused():
    rows = np.column_stack([np.arange(2000) * 2.0, RECORD.samples_mv])  # milliseconds under the name of seconds
    with pytest.raises(RefusedStudy, match="time column in seconds"):
        read_signal(table(",".join(["time_s", *LEADS]), rows))


# --- WFDB ---------------------------------------------------------------------------------------------------------


def pack(steps: np.ndarray, layout: str) -> bytes:
    """Signed steps as the bytes of a signal file (WFDB signal(5))."""
    flat = steps.ravel().astype(np.int64)
    if layout == "212":
        a, b = flat[::2] & 0xFFF, flat[1::2] & 0xFFF
        return np.stack([a & 0xFF, (a >> 8) | ((b >> 8) << 4), b & 0xFF], axis=1).astype(np.uint8).tobytes()
    if layout == "24":
        return np.stack([flat & 0xFF, (flat >> 8) & 0xFF, (flat >> 16) & 0xFF], axis=1).astype(np.uint8).tobytes()
    kinds = {"16": "<i2", "61": ">i2", "32": "<i4"}
    if layout in kinds:
        return flat.astype(kinds[layout]).tobytes()
    return (flat + (128 if layout == "80" else 32768)).astype({"80": "u1", "160": "<u2"}[layout]).tobytes()


def wfdb(steps, layout="16", gain="1000/mV", names=LEADS, rate=500, length=None, prefix=b"", field=None):
    lines = [f"rec {len(names)} {rate} {len(steps) if length is None else length}"]
    lines += [f"rec.dat {field or layout} {gain} 16 0 0 0 0 {name}" for name in names]
    header = "# made for a test\n" + "\n".join(lines) + "\n"
    return study(("rec.hea", header.encode()), ("rec.dat", prefix + pack(steps, layout)))


def steps_of(gain=1000):
    return np.rint(RECORD.samples_mv * gain).astype(int)


@pytest.mark.parametrize("layout", ["16", "61", "160", "24", "32"])
def test_wfdb_formats(layout):
    np.testing.assert_allclose(read_signal(wfdb(steps_of(), layout)).samples_mv, RECORD.samples_mv, atol=6e-4)


def test_wfdb_formats_of_few_bits():
    np.testing.assert_allclose(
        read_signal(wfdb(steps_of(200), "212", "200/mV")).samples_mv, RECORD.samples_mv, atol=3e-3
    )
    np.testing.assert_allclose(read_signal(wfdb(steps_of(60), "80", "60/mV")).samples_mv, RECORD.samples_mv, atol=9e-3)


def test_wfdb_mat_file_is_format_16_with_an_offset():
    back = read_signal(wfdb(steps_of(), prefix=b"\0" * 24, field="16+24"))
    np.testing.assert_allclose(back.samples_mv, RECORD.samples_mv, atol=6e-4)


def test_wfdb_gain_baseline_and_unit():
    back = read_signal(wfdb(steps_of() + 100, gain="1(100)/uV"))
    np.testing.assert_allclose(back.samples_mv, RECORD.samples_mv, atol=6e-4)


def test_wfdb_rate_is_brought_to_500_hz():
    back = read_signal(wfdb(steps_of()[::2], rate=250))
    assert back.samples_mv.shape == (2000, 12)
    assert read_signal(wfdb(steps_of()[::2], rate="250/1(0)")).samples_mv.shape == (2000, 12)


def test_wfdb_invalid_steps_are_missing_samples():
    steps = steps_of()
    steps[100:200, 3] = -32768
    assert np.isnan(read_signal(wfdb(steps)).lead("aVR")[100:200]).all()


def test_wfdb_channels_that_are_no_leads_are_left_out():
    names = [*LEADS[:8], "Resp", "Pleth", "ABP", "CO2"]
    assert read_signal(wfdb(steps_of(), names=names)).given() == LEADS[:8]


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (wfdb(steps_of(), length=3000), "announces 3000 samples .* holds 2000"),
        (wfdb(steps_of(), field="508"), "`508` is not read"),
        (wfdb(steps_of(), gain="abc"), "gain"),
        (study(("rec.hea", b"")), "empty or damaged"),
        (study(("rec.hea", b"rec 12 500 2000\nrec.dat 16\n")), "announces 12 signals and describes 1"),
        (study(("rec.hea", b"rec x 500\n")), "damaged"),
        (study(("rec.hea", b"rec 1 500 10\nrec.dat 16 200 16 0 0 0 0 II\n")), "is missing"),
        (study(("rec.dat", b"\0" * 100)), "without its header"),
    ],
)
def test_a_bad_wfdb_record_is_named(made, words):
    with pytest.raises(UnreadableInput, match=words):
        read_signal(made)


def test_wfdb_units_and_names_that_are_no_ecg_are_refused():
    with pytest.raises(RefusedStudy, match="mmHg"):
        read_signal(wfdb(steps_of(), gain="100/mmHg"))
    with pytest.raises(RefusedStudy, match="none of the twelve leads"):
        read_signal(wfdb(steps_of(), names=[f"channel{k}" for k in range(12)]))
    with pytest.raises(RefusedStudy, match="several segments"):
        read_signal(study(("rec.hea", b"rec/3 2 500 2000\na 100\nb 100\n")))


def test_two_records_at_once_are_refused():
    with pytest.raises(RefusedStudy) as refused:
        read_signal(study(("a.hea", b""), ("b.hea", b"")))
    assert refused.value.code == "several_records"


# --- DICOM --------------------------------------------------------------------------------------------------------


def dicom(samples_mv=RECORD.samples_mv, rate=500, unit="uV", names=None, codes=None, waveform=True) -> bytes:
    """A 12-lead ECG waveform object with 2.5 uV steps."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.9.1.1"
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = generate_uid()
    if waveform:
        group = Dataset()
        group.WaveformOriginality, group.SamplingFrequency = "ORIGINAL", rate
        group.NumberOfWaveformChannels, group.NumberOfWaveformSamples = samples_mv.shape[1], len(samples_mv)
        group.WaveformBitsAllocated, group.WaveformSampleInterpretation = 16, "SS"
        names = names or [f"Lead {lead}" for lead in LEADS]
        group.ChannelDefinitionSequence = [
            _channel(name, codes[k] if codes else "", unit) for k, name in enumerate(names)
        ]
        group.WaveformData = np.rint(samples_mv / 0.0025).astype("<i2").tobytes()
        data.WaveformSequence = [group]
    file = io.BytesIO()
    data.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _channel(name, code, unit):
    from pydicom.dataset import Dataset

    source, units, channel = Dataset(), Dataset(), Dataset()
    source.CodeMeaning, source.CodeValue = name, code
    units.CodeValue = unit
    channel.ChannelSourceSequence, channel.ChannelSensitivityUnitsSequence = [source], [units]
    channel.ChannelSensitivity, channel.ChannelSensitivityCorrectionFactor = 2.5 if unit == "uV" else 0.0025, 1
    channel.ChannelBaseline, channel.WaveformBitsStored = 0, 16
    return channel


@pytest.mark.parametrize("unit", ["uV", "mV"])
def test_dicom_waveform(unit):
    back = read_signal(study(("1.dcm", dicom(unit=unit))))
    np.testing.assert_allclose(back.samples_mv, RECORD.samples_mv, atol=1.3e-3)


def test_dicom_leads_by_code():
    codes = [f"2:{n}" for n in (1, 2, 61, 62, 63, 64, 3, 4, 5, 6, 7, 8)]
    back = read_signal(study(("1.dcm", dicom(names=["?"] * 12, codes=codes))))
    np.testing.assert_allclose(back.samples_mv, RECORD.samples_mv, atol=1.3e-3)


def test_dicom_with_eight_stored_leads_gets_all_twelve():
    keep = [0, 1, 6, 7, 8, 9, 10, 11]
    stored = dicom(RECORD.samples_mv[:, keep], names=[f"Lead {LEADS[k]}" for k in keep])
    np.testing.assert_allclose(read_signal(study(("1.dcm", stored))).samples_mv, RECORD.samples_mv, atol=4e-3)


def test_dicom_without_a_waveform_is_refused():
    with pytest.raises(RefusedStudy) as refused:
        read_signal(study(("1.dcm", dicom(waveform=False))))
    assert refused.value.code == "no_waveform"


def test_cut_dicom_is_unreadable():
    with pytest.raises(UnreadableInput, match="damaged"):
        read_signal(study(("1.dcm", dicom()[:-4000])))


# --- names, limb leads, kinds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "lead"),
    [
        ("I", "I"),
        ("avr", "aVR"),
        ("AVF", "aVF"),
        ("Lead V1", "V1"),
        ("Lead I (Einthoven)", "I"),
        ("ECG_II", "II"),
        ("MDC_ECG_LEAD_AVL", "aVL"),
        ("aVR, augmented voltage, right", "aVR"),
        ("V10", None),
        ("MLII", None),
        ("time_s", None),
        ("", None),
    ],
)
def test_lead_names(text, lead):
    assert lead_name(text) == lead


@pytest.mark.parametrize("missing", [(2, 3, 4, 5), (0, 3), (1, 4, 5), (5,)])
def test_missing_limb_leads_follow_from_the_given_ones(missing):
    samples = RECORD.samples_mv.copy()
    samples[:, missing] = np.nan
    np.testing.assert_allclose(with_all_limb_leads(samples), RECORD.samples_mv, atol=1e-5)


def test_leads_that_a_page_prints_for_a_while_are_not_filled_in():
    page = printed_3x4(draw(regular(72))).samples_mv
    np.testing.assert_array_equal(with_all_limb_leads(page), page)


def test_what_is_a_signal():
    assert is_signal(study(("a.csv", b"")))
    assert is_signal(study(("a.hea", b""), ("a.dat", b"")))
    assert is_signal(study(("noname", dicom())))
    assert not is_signal(study(("a.jpg", b"\xff\xd8\xff")))


# --- hostile input ------------------------------------------------------------------------------------------------

WHOLE = {"rec.hea": wfdb(steps_of()).parts[0].data, "a.csv": RECORD.to_csv()[:20_000], "1.dcm": dicom()[:30_000]}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.binary(max_size=300))
def test_random_bytes_raise_only_our_errors(name, data):
    with pytest.raises(EngineError):
        read_signal(study((name, data)))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(WHOLE)), st.integers(0, 3000), st.binary(min_size=1, max_size=8), st.booleans())
def test_damaged_files_raise_only_our_errors(name, place, damage, cut):
    whole = WHOLE[name]
    place = min(place, len(whole))
    data = whole[:place] if cut else whole[:place] + damage + whole[place + len(damage) :]
    parts = [(name, data)] + ([("rec.dat", pack(steps_of(), "16"))] if name == "rec.hea" else [])
    try:
        back = read_signal(study(*parts))
    except EngineError:
        return
    assert back.samples_mv.shape[1] == 12
