"""Intake: what becomes a study, and what is turned away with a sentence before anything is unpacked."""

import contextlib
import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import study
from engine.errors import UnreadableInput


def packed(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as bundle:
        for name, data in files.items():
            bundle.writestr(name, data)
    return buffer.getvalue()


def test_one_file_keeps_its_bare_name_and_hash():
    read = study.read_bytes("ward 3/Photo.JPG", b"abc")
    assert [part.name for part in read.parts] == ["Photo.JPG"]
    assert read.parts[0].suffix == ".jpg"
    assert read.name == "Photo"
    assert read.sha256 == hashlib.sha256(b"abc").hexdigest()


def test_a_windows_path_loses_its_folders():
    assert study.read_bytes(r"C:\patients\smith\ecg.png", b"x").parts[0].name == "ecg.png"


def test_bytes_stay_out_of_what_is_printed():
    assert "secret" not in repr(study.read_bytes("a.csv", b"secret"))


@pytest.mark.parametrize(("name", "data", "words"), [("a.jpg", b"", "empty"), ("", b"", "empty")])
def test_an_empty_file_is_unreadable(name, data, words):
    with pytest.raises(UnreadableInput, match=words):
        study.read_bytes(name, data)


def test_a_zip_becomes_its_files_without_folders_and_hidden_ones():
    files = {"case/rec.hea": b"h", "case/rec.dat": b"d", "__MACOSX/case/rec.hea": b"x", "case/.DS_Store": b"x"}
    read = study.read_bytes("case.zip", packed(files))
    assert [(part.name, part.data) for part in read.parts] == [("rec.hea", b"h"), ("rec.dat", b"d")]


def test_a_zip_bomb_is_not_opened():
    bomb = packed({"zeros.bin": bytes(64 << 20)})
    assert len(bomb) < 1 << 17
    with pytest.raises(UnreadableInput, match="would unpack to 67 MB"):
        study.read_bytes("a.zip", bomb)


def test_a_zip_that_leads_outside_itself_is_not_opened():
    with pytest.raises(UnreadableInput, match="outside itself"):
        study.read_bytes("a.zip", packed({"../../etc/passwd": b"x"}))


def test_a_zip_without_files_is_unreadable():
    with pytest.raises(UnreadableInput, match="no files"):
        study.read_bytes("a.zip", packed({}))


def test_an_encrypted_zip_says_so():
    data = bytearray(packed({"a.txt": b"text"}, zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(signature) + offset] |= 0x1
    with pytest.raises(UnreadableInput, match="encrypted"):
        study.read_bytes("a.zip", bytes(data))


def test_too_many_files_in_a_zip_are_counted_not_unpacked(monkeypatch):
    monkeypatch.setattr(study, "MAX_PARTS", 2)
    with pytest.raises(UnreadableInput, match="holds 3 files; a study has at most 2"):
        study.read_bytes("a.zip", packed({f"{k}.txt": b"x" for k in range(3)}))


@given(place=st.integers(0, 10_000), damage=st.binary(min_size=1, max_size=40))
def test_a_damaged_zip_is_read_or_turned_away_never_a_crash(place, damage):
    whole = bytearray(packed({"a.txt": bytes(range(256)) * 20, "b/ü.txt": b"second"}))
    place %= len(whole)
    whole[place : place + len(damage)] = damage
    with contextlib.suppress(UnreadableInput):
        assert study.read_bytes("a.zip", bytes(whole)).parts


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_compressed_data_is_unreadable(compression):
    whole = bytearray(packed({"a.txt": bytes(range(256)) * 100}, compression))
    whole[40:90] = b"\xff" * 50
    with pytest.raises(UnreadableInput, match="damaged"):
        study.read_bytes("a.zip", bytes(whole))


def test_a_zip_with_an_entry_without_a_name_is_unreadable():
    data = packed({"Q": b"1234"})
    assert data.count(b"Q") == 2
    with pytest.raises(UnreadableInput, match="damaged"):
        study.read_bytes("a.zip", data.replace(b"Q", b"\0"))


def test_a_truncated_zip_is_unreadable():
    whole = packed({"a.txt": b"text" * 1000})
    with pytest.raises(UnreadableInput, match="damaged or incomplete"):
        study.read_bytes("a.zip", whole[: len(whole) // 2])


def test_a_folder_is_one_study_in_the_order_of_its_names(tmp_path):
    (tmp_path / "case").mkdir()
    for name in ("b.dat", "a.hea", ".hidden"):
        (tmp_path / "case" / name).write_bytes(name.encode())
    read = study.read_path(tmp_path / "case")
    assert read.name == "case"
    assert [part.name for part in read.parts] == ["a.hea", "b.dat"]


def test_a_folder_does_not_follow_links_out_of_itself(tmp_path):
    (tmp_path / "outside.txt").write_bytes(b"x")
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "link.txt").symlink_to(tmp_path / "outside.txt")
    with pytest.raises(UnreadableInput, match="no files"):
        study.read_path(tmp_path / "case")


def test_nothing_at_the_path_is_unreadable(tmp_path):
    with pytest.raises(UnreadableInput, match="nothing at this path"):
        study.read_path(tmp_path / "absent.jpg")


def test_a_large_file_is_turned_away_by_its_size_alone(tmp_path):
    path = tmp_path / "huge.bin"
    with path.open("wb") as file:
        file.truncate(study.MAX_STUDY_BYTES + 1)  # sparse: nothing is written
    with pytest.raises(UnreadableInput, match="at most 1074 MB"):
        study.read_path(path)


def test_several_uploads_are_the_parts_of_one_study():
    read = study.read_uploads([("x/rec.hea", b"h"), ("x/rec.dat", b"d")])
    assert read.name == "rec"
    assert [part.name for part in read.parts] == ["rec.hea", "rec.dat"]
    assert read.sha256 == hashlib.sha256(b"hd").hexdigest()


def test_no_upload_is_unreadable():
    with pytest.raises(UnreadableInput, match="at least one file"):
        study.read_uploads([])


def test_uploads_are_counted_together(monkeypatch):
    monkeypatch.setattr(study, "MAX_STUDY_BYTES", 10)
    with pytest.raises(UnreadableInput, match="MB"):
        study.read_uploads([("a", b"123456"), ("b", b"123456")])


def test_a_file_beyond_the_limit_stays_on_disk_for_a_task_that_reads_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr(study, "MAX_STUDY_BYTES", 1000)
    monkeypatch.setattr(study, "HEAD_BYTES", 16)
    content = bytes(range(256)) * 8
    (tmp_path / "long.tif").write_bytes(content)
    with pytest.raises(UnreadableInput, match="at most"):
        study.read_path(tmp_path / "long.tif")
    found = study.read_path(tmp_path / "long.tif", in_pieces=True)
    assert found.parts[0].data == content[:16]
    assert found.parts[0].file == tmp_path / "long.tif"
    assert found.sha256 == hashlib.sha256(content).hexdigest()
