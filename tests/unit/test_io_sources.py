"""Whatever is named as a source is found by content, quickly, and safely."""

from __future__ import annotations

import os
import stat
import zipfile

import pydicom
import pytest
from pydicom.fileset import FileSet

from organtwin.errors import BadInput
from organtwin.io import sources
from organtwin.io.sources import gather
from organtwin.io.study import read, scan


def sentence(*given):
    with pytest.raises(BadInput) as caught:
        scan(given)
    assert "\n" not in caught.value.sentence
    return caught.value.sentence


def best(*given):
    with scan(given) as study:
        return read(study.best())[0]


def test_nothing_given_is_said():
    assert "Nothing was given" in sentence()


def test_an_absent_path_is_said(tmp_path):
    assert "no such file or folder" in sentence(tmp_path / "nowhere")


def test_an_empty_folder_is_said(tmp_path):
    assert "no files to import" in sentence(tmp_path)


def test_a_folder_of_something_else_is_said_with_its_count(tmp_path):
    for n in range(7):
        (tmp_path / f"{n}.dcm").write_text("not an image at all, only text" * 20)
    assert "none of the 7 files is DICOM" in sentence(tmp_path)


def test_a_text_file_named_dcm_is_said(tmp_path):
    (tmp_path / "scan.dcm").write_text("Dear colleague,")
    assert "the file is not DICOM" in sentence(tmp_path / "scan.dcm")


def test_a_large_folder_of_something_else_is_turned_down_by_its_first_bytes(tmp_path, monkeypatch):
    for n in range(3):
        with open(tmp_path / f"{n}.bin", "wb") as file:
            file.truncate(2**34)  # sparse: 16 GB that nobody should read
    monkeypatch.setattr(pydicom, "dcmread", lambda *_, **__: pytest.fail("read a file that is no DICOM"))
    assert "none of the 3 files" in sentence(tmp_path)


def test_a_pipe_in_the_folder_does_not_hang_it(tmp_path, studio):
    studio.series(tmp_path, studio.positions())
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    assert best(tmp_path).grid.size[2] == 6


def test_files_that_may_not_be_read_are_passed_over(tmp_path, studio):
    paths = studio.series(tmp_path, studio.positions())
    (tmp_path / "secret").write_bytes(b"x" * 1000)
    (tmp_path / "secret").chmod(0)
    assert best(tmp_path).grid.size[2] == len(paths)


@pytest.mark.parametrize("nested", [False, True])
def test_folders_of_any_depth_and_single_files_are_the_same_scan(tmp_path, studio, nested):
    paths = studio.series(tmp_path / "a" / "b b" / "ü", studio.positions())
    assert studio.error(best(tmp_path) if nested else best(*paths)).max() <= 0.5


def test_only_the_head_decides_what_a_file_is():
    assert sources.kind_of(b"\0" * 128 + b"DICM") == "dicom"
    assert sources.kind_of(b"NRRD0005\n") == "nrrd"
    assert sources.kind_of(b"ObjectType = Image\nNDims = 3\n") == "meta"
    assert sources.kind_of(b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100") == "dicom"
    assert sources.kind_of(b"\x08\x00\x00\x00\x04\x00\x00\x00") == "dicom"
    assert sources.kind_of(b"") == "other"
    assert sources.kind_of(b"\x89PNG\r\n\x1a\n" + b"\0" * 400) == "other"


# -- DICOMDIR -----------------------------------------------------------------------------------------------------


@pytest.fixture
def disc(tmp_path, studio):
    files = FileSet()
    for path in studio.series(tmp_path / "raw", studio.positions()):
        d = pydicom.dcmread(path)
        d.StudyID, d.StudyTime, d.AccessionNumber = "1", "120000", ""
        files.add(d)
    files.write(tmp_path / "disc")
    return tmp_path / "disc"


def test_a_dicomdir_leads_to_its_files(disc, studio):
    assert studio.error(best(disc / "DICOMDIR")).max() <= 0.5
    assert studio.error(best(disc)).max() <= 0.5


def test_a_dicomdir_without_its_files_is_said(disc, tmp_path):
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone" / "DICOMDIR").write_bytes((disc / "DICOMDIR").read_bytes())
    assert "None of the 6 files that the DICOMDIR lists is there" in sentence(tmp_path / "alone" / "DICOMDIR")


def test_a_dicomdir_finds_files_in_small_letters(disc, studio):
    for folder, _, names in os.walk(disc, topdown=False):
        for name in names:
            if name != "DICOMDIR":
                os.rename(os.path.join(folder, name), os.path.join(folder, name.lower()))
        if folder != str(disc):
            os.rename(folder, os.path.join(os.path.dirname(folder), os.path.basename(folder).lower()))
    assert best(disc / "DICOMDIR").grid.size[2] == 6


# -- zip ----------------------------------------------------------------------------------------------------------


def packed(target, paths, names=None):
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for n, path in enumerate(paths):
            archive.write(path, names[n] if names else path.name)
    return target


def test_a_zip_is_read_and_leaves_nothing_behind(tmp_path, studio, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(sources.tempfile, "tempdir", str(scratch))
    archive = packed(tmp_path / "scan.zip", studio.series(tmp_path / "s", studio.positions()))
    assert studio.error(best(archive)).max() <= 0.5
    assert list(scratch.iterdir()) == []


def test_names_in_a_zip_cannot_lead_out_of_it(tmp_path, studio):
    paths = studio.series(tmp_path / "s", studio.positions())
    names = ["../../evil.dcm", "/etc/evil.dcm", "a/../../evil2.dcm", "same.dcm", "C:\\evil.dcm", "x" * 200]
    inside = tmp_path / "deep" / "er"
    inside.mkdir(parents=True)
    before = set(tmp_path.rglob("*"))
    archive = packed(inside / "scan.zip", paths, names)
    with gather([archive]) as found:
        assert all(found.folder is not None and str(file.path).startswith(found.folder.name) for file in found.files)
        assert set(tmp_path.rglob("*")) - before == {archive}
    assert best(archive).grid.size[2] == 6


def test_what_is_no_scan_in_a_zip_is_not_unpacked(tmp_path, studio):
    paths = studio.series(tmp_path / "s", studio.positions())
    (tmp_path / "film.avi").write_bytes(b"RIFF" + bytes(100_000))
    archive = packed(tmp_path / "scan.zip", [*paths, tmp_path / "film.avi"])
    with gather([archive]) as found:
        assert len(found.files) == 6
        assert found.skipped == 1
        assert len([p for p in found.scratch().rglob("*") if p.is_file()]) == 6


def test_a_zip_of_endless_size_is_refused(tmp_path, monkeypatch, studio):
    archive = packed(tmp_path / "bomb.zip", studio.series(tmp_path / "s", studio.positions()))
    monkeypatch.setattr(sources, "LARGEST_ZIP_BYTES", 1000)
    assert "more than a study can be" in sentence(archive)


def test_a_damaged_zip_is_said(tmp_path, studio):
    archive = packed(tmp_path / "scan.zip", studio.series(tmp_path / "s", studio.positions()))
    content = bytearray(archive.read_bytes())
    content[60:400] = bytes(340)
    archive.write_bytes(content)
    assert "damaged" in sentence(archive)


def test_a_locked_zip_is_said(tmp_path, studio):
    archive = packed(tmp_path / "scan.zip", studio.series(tmp_path / "s", studio.positions()))
    content = bytearray(archive.read_bytes())
    at = 0
    while (at := content.find(b"PK\x01\x02", at)) >= 0:  # the lock bit of every entry of the directory
        content[at + 8] |= 1
        at += 4
    archive.write_bytes(content)
    assert "password" in sentence(archive)


def test_zips_inside_a_folder_are_pointed_at(tmp_path, studio):
    packed(tmp_path / "scan.zip", studio.series(tmp_path / "s", studio.positions()))
    for path in (tmp_path / "s").iterdir():
        path.unlink()
    assert "choose the zip file itself" in sentence(tmp_path)


def test_a_cancelled_import_leaves_nothing_behind(tmp_path, studio, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(sources.tempfile, "tempdir", str(scratch))
    archive = packed(tmp_path / "scan.zip", studio.series(tmp_path / "s", studio.positions()))

    class Stop:
        def progress(self, fraction, what=""):
            if "header" in what:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scan([archive], Stop())
    assert list(scratch.iterdir()) == []
    assert stat.S_ISDIR(scratch.stat().st_mode)
