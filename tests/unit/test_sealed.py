"""A sealed project: nothing of it lies open, and no kill leaves it half sealed."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import shutil
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest

from organtwin.declared import declared
from organtwin.document import Document
from organtwin.document.sealing import change_passphrase, give_role, seal, unseal
from organtwin.edit.edit import Edit
from organtwin.errors import BadInput
from organtwin.jobs import Job, JobState
from organtwin.model import Observations, Recipe, Segment, Segmentation, Volume
from organtwin.model.observations import Event, Person, Quarantined, Source
from organtwin.model.rehearsal import Scene
from organtwin.rehearsal.recording import Recording, read, unfinished
from organtwin.space import Grid
from organtwin.store import Project, keyring
from organtwin.store.objects import _split
from organtwin.store.vault import PLAIN, Locked, unlocked, vault_of

WORDS = "correct horse battery"
GIVEAWAYS = ("Oskarsson", "8480-6", "Metoprolol", "1.2.840.99999.7", "1961", "left renal artery", "import", "Wait here")
READINGS = np.array([141.25, 139.5, 137.125, 150.0625])


@pytest.fixture(autouse=True)
def _forget(monkeypatch):
    for name in (keyring.PASSPHRASE, keyring.PASSPHRASE_FILE, "ORGANTWIN_ROLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(keyring, "_told", [])


@pytest.fixture
def quick(monkeypatch):
    """Wrapping without the seconds and the gigabyte that scrypt takes on purpose; all else is as it is."""
    import pyrage

    head = b"age-encryption.org/v1\n-> stand-in\n"

    def stream(passphrase: str, data: bytes) -> bytes:
        key = hashlib.shake_256(passphrase.encode()).digest(len(data))
        return bytes(a ^ b for a, b in zip(data, key, strict=True))

    def decrypt(data: bytes, passphrase: str) -> bytes:
        text = stream(passphrase, data.removeprefix(head))
        if not text.startswith(b"AGE-SECRET"):
            raise pyrage.DecryptError("Decryption failed")
        return text

    monkeypatch.setattr(pyrage.passphrase, "encrypt", lambda data, passphrase: head + stream(passphrase, data))
    monkeypatch.setattr(pyrage.passphrase, "decrypt", decrypt)


def a_volume() -> Volume:
    grid = Grid.make((6, 5, 4), (1, 1, 2), (0, 0, 0), np.eye(3), "1.2.840.99999.7")
    values = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    return Volume(name="CT of Oskarsson", grid=grid, values=values, modality="CT", acquisition={"birth date": "1961"})


def readings() -> Observations:
    aside = Quarantined(reason="unit", said="Oskarsson 1961", place="line 7", raw="Oskarsson,8480-6")
    return Observations(
        name="Readings of Oskarsson", person=Person(identity="oskarsson", birth_year=1961), codes=("8480-6",),
        sources=(Source(name="Oskarsson.json", format="fhir"),),
        times_s=1.7e9 + np.arange(4.0), durations_s=np.zeros(4, np.float32), offset_min=np.zeros(4, np.int16),
        values=READINGS, code=np.zeros(4, np.uint16), source=np.zeros(4, np.uint16),
        events=(Event(kind="medication", code="866924", system="rxnorm", display="Metoprolol", start_s=1.7e9),),
        quarantine=np.frombuffer(aside.model_dump_json().encode(), np.uint8), recipe=Recipe(operation="import-observations"),
    )  # fmt: skip


def filled(folder: Path, passphrase: str | None = None) -> Path:
    """A project with something of everything."""
    document = Document.create(folder, "Oskarsson", passphrase)
    volume = a_volume()
    document.add([volume], "Import Oskarsson")
    document.add([readings()], "Import readings of Oskarsson")
    labels = np.zeros(volume.grid.shape, np.uint8)
    segmentation = Segmentation(
        name="left renal artery", grid=volume.grid, labels=labels, segments=(Segment.of(1, "liver", 0.0),)
    )
    document.add([segmentation], "Draw left renal artery")
    bench = document.workbench(segmentation.uuid)
    bench.do(Edit(tool="paint", segment="liver", options={"points_mm": [[3, 3, 3]], "radius_mm": 1.5}))
    bench.close()
    job = Job.create(
        document.project.jobs_folder, "wait", {}, {"sources": ["/scans/Oskarsson"]}, "Wait here, Oskarsson"
    )
    vault = vault_of(job.folder)
    log = vault.log_file(job.folder / "stdout.log")
    os.write(log.fileno(), b"Oskarsson 1961\n")
    vault.keep_log(job.folder / "stdout.log", log)
    vault.append(job.folder / "events.jsonl", b'{"event": "failed", "sentence": "Oskarsson 8480-6"}')
    vault.save_arrays(job.folder / "checkpoint.npz", {"left renal artery": READINGS})
    recording = Recording(document.project.folder / "rehearsals" / "one", {"mesh": "Oskarsson"}, Scene())
    recording({"pose": [1, *READINGS, 0, 0, 1, 1, 0]})
    recording.close()
    document.rename(volume.uuid, "Oskarsson again")
    document.close()
    return folder


def given_away(folder: Path) -> list[str]:
    """What can be read in a folder without its key."""
    found = []
    needles = {text: text.encode() for text in GIVEAWAYS}
    needles |= {f"{text} (wide)": text.encode("utf-16-le") for text in GIVEAWAYS}
    needles |= {"readings": READINGS.tobytes(), "voxels": np.arange(20, 60, dtype=np.int16).tobytes()}
    for file in [folder, *folder.rglob("*")]:
        found += [f"name {file.name}: {text}" for text in GIVEAWAYS if text in file.name]
        if not file.is_file():
            continue
        data = file.read_bytes()
        if zipfile.is_zipfile(io.BytesIO(data)):
            found.append(f"{file.name}: an archive")
        if data.startswith(b"\x93NUMPY"):
            found.append(f"{file.name}: an array")
        found += [
            f"{file.relative_to(folder)}: {name}" for name, needle in needles.items() if needle.lower() in data.lower()
        ]
    return found


def same(one: Path, other: Path) -> bool:
    """Whether two projects hold the same, as they are read."""
    a, b = (Project(folder, read_only=True, passphrase=WORDS) for folder in (one, other))
    if [e.uuid for e in a.entries()] != [e.uuid for e in b.entries()] or a.history != b.history:
        return False
    for entry in a.entries():
        (meta, arrays), (other_meta, others) = (_split(p.load(entry.uuid)) for p in (a, b))
        if meta != other_meta or any(not np.array_equal(arrays[name], others[name]) for name in arrays):
            return False
    return True


def test_a_stolen_folder_says_nothing(tmp_path, quick):
    plain = filled(tmp_path / "plain.otwin")
    assert len(given_away(plain)) > 20  # the search finds what is there
    for leftover in ("objects/.x.1.tmp", ".project.json.9.tmp"):
        (plain / leftover).write_text("Oskarsson, cut off by a kill")
    shutil.copytree(plain, tmp_path / "stolen.otwin")
    seal(tmp_path / "stolen.otwin", WORDS)
    assert given_away(tmp_path / "stolen.otwin") == []
    with pytest.raises(Locked, match="This project is sealed"):
        Project(tmp_path / "stolen.otwin")
    again = Project(tmp_path / "stolen.otwin", passphrase=WORDS)
    assert same(plain, tmp_path / "stolen.otwin")
    assert again.name == "Oskarsson"
    (job,) = [Job(folder) for folder in again.jobs_folder.glob("*/")]
    assert job.spec.label == "Wait here, Oskarsson"
    job.poll()
    assert job.state is JobState.FAILED
    assert job.can_resume
    (left,) = unfinished(again.folder / "rehearsals")
    assert read(left)[0] == {"mesh": "Oskarsson"}
    again.close()


def test_a_project_that_was_sealed_from_the_start_never_lay_open(tmp_path, quick):
    folder = filled(tmp_path / "case.otwin", WORDS)
    assert given_away(folder) == []
    assert unlocked(folder) is None  # nobody has it open any more: its key is forgotten


def test_sealing_and_unsealing_gives_the_same_files_back(tmp_path, quick):
    folder = filled(tmp_path / "case.otwin")
    before = {f.relative_to(folder): f.read_bytes() for f in (folder / "objects").rglob("*") if f.is_file()}
    seal(folder, WORDS)
    unseal(folder, WORDS)
    after = {f.relative_to(folder): f.read_bytes() for f in (folder / "objects").rglob("*") if f.is_file()}
    assert after.keys() == before.keys()
    assert all(after[f] == before[f] for f in before if f.suffix == ".npy")
    assert not list(folder.rglob("*.age"))
    with Project(folder) as project:
        assert project.audit.verify() == []
        assert project.vault is PLAIN


def test_scrypt_guards_the_identity_and_a_wrong_passphrase_is_told(tmp_path):
    folder = filled(tmp_path / "case.otwin", WORDS)
    assert b"-> scrypt " in (folder / "identity.age").read_bytes()[:60]
    with pytest.raises(Locked, match="This project is sealed"):
        Document.open(folder)
    with pytest.raises(Locked, match="not the passphrase of the project"):
        Document.open(folder, "some other words")
    document = Document.open(folder, WORDS)
    assert [e.name for e in document.entries("observations")] == ["Readings of Oskarsson"]
    document.close()


def test_another_passphrase_rewraps_the_identity_only(tmp_path, quick):
    folder = filled(tmp_path / "case.otwin", WORDS)
    before = {f: f.read_bytes() for f in folder.rglob("*") if f.is_file()}
    change_passphrase(folder, "another set of words", WORDS)
    assert {f.name for f, data in before.items() if f.read_bytes() != data} == {
        "identity.age",
        "audit.age",
        "audit.head.age",
    }
    with pytest.raises(Locked):
        Project(folder, passphrase=WORDS)


def test_a_passphrase_comes_from_a_file_that_only_its_owner_reads(tmp_path, quick, monkeypatch):
    folder = filled(tmp_path / "case.otwin", WORDS)
    file = tmp_path / "words"
    file.write_text(f"{WORDS}\n")
    file.chmod(0o644)
    monkeypatch.setenv(keyring.PASSPHRASE_FILE, str(file))
    with pytest.raises(BadInput, match="Others can read the file"):
        Document.open(folder)
    file.chmod(0o600)
    Document.open(folder).close()


def test_a_roles_own_passphrase_opens_the_project_in_that_role_only(tmp_path, quick, monkeypatch):
    folder = filled(tmp_path / "case.otwin", WORDS)
    give_role(folder, "researcher", "only for research", WORDS)
    with Project(folder, passphrase="only for research", read_only=True) as bound:
        assert bound.role.name == "researcher"
        with pytest.raises(BadInput, match="may not export"):
            bound.leaves("export", "x")
    monkeypatch.setenv("ORGANTWIN_ROLE", "clinician")
    with pytest.raises(BadInput, match="opens the project as 'researcher', not as 'clinician'"):
        Project(folder, passphrase="only for research")
    monkeypatch.delenv("ORGANTWIN_ROLE")
    give_role(folder, "researcher", "", WORDS)
    with pytest.raises(Locked):
        Project(folder, passphrase="only for research")


def test_a_short_passphrase_is_refused(tmp_path):
    with pytest.raises(BadInput, match="too short"):
        Project.create(tmp_path / "case.otwin", passphrase="1234")


def test_the_ordinary_age_format_is_used(tmp_path, quick):
    import pyrage

    folder = filled(tmp_path / "case.otwin", WORDS)
    (meta, *_) = sorted((folder / "objects").glob("*/meta.json.age"))
    assert meta.read_bytes().startswith(b"age-encryption.org/v1\n-> X25519 ")
    secret = pyrage.passphrase.decrypt((folder / "identity.age").read_bytes(), WORDS).decode().strip()
    assert b'"kind"' in pyrage.decrypt(meta.read_bytes(), [pyrage.x25519.Identity.from_str(secret)])


def test_a_torn_last_line_of_a_sealed_journal_costs_that_line_only(tmp_path, quick):
    folder = filled(tmp_path / "case.otwin", WORDS)
    with Project(folder, passphrase=WORDS) as project:
        count = len(project.history)
    journal = folder / "journal.age"
    journal.write_bytes(journal.read_bytes()[:-40])
    with Project(folder, passphrase=WORDS) as project:
        assert project.recovered_from_line is not None
        assert len(project.history) == count - 1


def test_a_damaged_array_is_named(tmp_path, quick):
    folder = filled(tmp_path / "case.otwin", WORDS)
    project = Project(folder, passphrase=WORDS)
    (volume,) = project.entries("volume")
    file = project.vault.array_path(folder / "objects" / volume.uuid, "values")
    data = bytearray(file.read_bytes())
    data[-3] ^= 1
    file.write_bytes(data)
    with pytest.raises(BadInput, match="missing or damaged"):
        project.load(volume.uuid)
    project.close()


def test_plain_projects_are_still_mapped_into_memory(tmp_path):
    folder = filled(tmp_path / "case.otwin")
    with Project(folder) as project:
        (volume,) = project.entries("volume")
        base = project.load(volume.uuid).values
        while isinstance(base, np.ndarray):
            base = base.base
        assert isinstance(base, mmap.mmap)


def killed_at(count: int, work) -> bool:
    """Do ``work`` in a child that dies by SIGKILL at its ``count``-th change of the disk; whether it came that far."""
    child = os.fork()
    if child == 0:
        left = [count]

        def hook(event: str, arguments) -> None:
            writes = event in ("os.rename", "os.remove", "os.rmdir", "os.mkdir") or (
                event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            )
            if writes:
                left[0] -= 1
                if left[0] <= 0:
                    os.kill(os.getpid(), 9)

        sys.addaudithook(hook)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("way", ["seal", "unseal"])
def test_a_kill_at_any_moment_leaves_a_project_that_is_wholly_the_one_or_the_other(tmp_path, quick, way):
    first = filled(tmp_path / "first.otwin")
    start = first
    if way == "unseal":
        start = tmp_path / "sealed.otwin"
        shutil.copytree(first, start)
        seal(start, WORDS)
    count, outcomes = 1, set()
    while True:
        folder = tmp_path / f"at-{count}.otwin"
        shutil.copytree(start, folder)
        died = killed_at(count, lambda f=folder: seal(f, WORDS) if way == "seal" else unseal(f, WORDS))
        project = Project(folder, passphrase=WORDS)  # finishes what was begun, or takes it away
        outcomes.add(project.vault.sealed)
        assert not (folder / ".exchange").exists(), count
        assert project.audit.verify() == [], count
        if project.vault.sealed:
            assert given_away(folder) == [], count
        else:
            assert not list(folder.rglob("*.age")), count
        project.close()
        assert same(first, folder), count
        shutil.rmtree(folder)
        if not died:
            break
        count += 9 if count % 4 else 1
    assert count > 40
    assert outcomes == {True, False}


MODULE = """
import sys, tempfile
from organtwin.model import Volume
from organtwin.operations.registry import Operation, Parameters
from organtwin.space import Grid
import numpy as np, os

class P(Parameters):
    crash: bool = False

def run(inputs, parameters, monitor):
    print("Oskarsson was here", flush=True)
    with open(os.path.join(tempfile.mkdtemp(), "left.txt"), "w") as file:
        file.write("Oskarsson left this")
    print(tempfile.gettempdir(), "ORGANTWIN_KEYS" in os.environ, file=sys.stderr, flush=True)
    monitor.log("Oskarsson is told")
    monitor.keep({"a": np.array([1.0])})
    if parameters.crash:
        os.kill(os.getpid(), 9)
    return [Volume(name="Oskarsson made", grid=inputs["volume"].grid, values=inputs["volume"].values + 1)]

OPERATION = Operation("whisper", "Whisper", {"volume": "volume"}, P, "whispering:run")
"""


@pytest.fixture
def whispering(tmp_path, monkeypatch):
    site = tmp_path / "site"
    info = site / "whispering-1.0.dist-info"
    info.mkdir(parents=True)
    (site / "whispering.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: whispering\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[organtwin.operations]\nwhisper = whispering:OPERATION\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site))
    declared.cache_clear()
    yield
    declared.cache_clear()
    sys.modules.pop("whispering", None)


@pytest.mark.parametrize("crash", [False, True])
def test_a_job_of_a_sealed_project_leaves_nothing_open(tmp_path, quick, whispering, crash):
    document = Document.create(tmp_path / "case.otwin", "Oskarsson", WORDS)
    volume = a_volume()
    document.add([volume], "Import Oskarsson")
    job = document.start("whisper", {"volume": volume.uuid}, {"crash": crash})
    until = time.monotonic() + 60
    while document.poll() and time.monotonic() < until:
        time.sleep(0.05)
    assert job.state is (JobState.FAILED if crash else JobState.DONE)
    assert given_away(document.project.folder) == []
    printed = document.project.vault.read_bytes(job.folder / "stdout.log").decode()
    assert "Oskarsson was here" in printed
    place, has_keys = printed.splitlines()[1].split()
    assert has_keys == "False"  # no program that it starts inherits them
    assert place.startswith(("/dev/shm/organtwin-private-", "/tmp/organtwin-private-"))
    assert job.can_resume is crash
    if crash:
        from organtwin.store.scratch import _sweep

        _sweep()  # as the next process does
    else:
        made = document.get(job.done.objects[0])
        assert np.array_equal(made.values, volume.values + 1)
    assert not Path(place).exists()
    document.close()


def test_a_tool_in_a_process_of_its_own_sees_the_scan_of_a_sealed_project(tmp_path, quick):
    document = Document.open(filled(tmp_path / "case.otwin", WORDS), WORDS)
    (volume,) = document.entries("volume")
    bench = document.workbench(document.entries("segmentation")[0].uuid)
    answers: list[object] = []
    bench.answered.connect(answers.append)
    bench.failed.connect(answers.append)
    options = {"points_mm": [[3.0, 3.0, 4.0]], "tolerance": 5.0}
    bench.ask(Edit(tool="flood", segment="liver", options=options), volume.uuid)
    until = time.monotonic() + 60
    while not answers and time.monotonic() < until:
        bench.poll()
        time.sleep(0.02)
    assert [type(answer).__name__ for answer in answers] == ["Answer"]
    bench.close()
    document.close()
    assert given_away(document.project.folder) == []
