"""Study: bring a scan in, and see what its geometry is worth."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QLabel, QPushButton

from organtwin.model import DynamicVolume
from organtwin_gui import theme
from organtwin_gui.forms import quiet
from organtwin_gui.steps.step import Step, fill, primary


class StudyStep(Step):
    name = "Study"
    icon = "study"
    purpose = "Bring in a scan: a folder, a zip, a DICOMDIR, NIfTI, NRRD or MHA. Drop it anywhere on the window."

    import_wanted = Signal(list)  # paths
    sample_wanted = Signal()
    series_wanted = Signal()
    moving_wanted = Signal(object)  # uuid of a scan with a time axis, or None

    def build(self) -> None:
        folder = primary("Import a folder", "import", "Read a scan from a folder", "Ctrl+I")
        folder.clicked.connect(self._choose_folder)
        self.page.addWidget(folder)
        row = QHBoxLayout()
        for text, icon, tip, slot in (
            (
                "File",
                "open",
                "Read a scan from a file: zip, DICOMDIR, NIfTI, NRRD, MHA (Ctrl+Shift+I)",
                self._choose_file,
            ),
            ("Sample", "sample", "Import the made-up patient that comes with OrganTwin", self.sample_wanted.emit),
        ):
            button = QPushButton(text)
            button.setIcon(theme.icon(icon))
            button.setToolTip(tip)
            button.clicked.connect(slot)
            row.addWidget(button)
            if text == "File":
                button.setShortcut("Ctrl+Shift+I")
        self.page.addLayout(row)
        self._others = QPushButton("Choose other series")
        self._others.setIcon(theme.icon("scroll"))
        self._others.setToolTip("List every series found in a folder and choose which to import")
        self._others.clicked.connect(self.series_wanted.emit)
        self.page.addWidget(self._others)
        self._shown = QLabel("Scan shown")
        self.page.addWidget(self._shown)
        self.volumes = QComboBox()
        self.volumes.setToolTip("Which scan the views show")
        self.volumes.currentIndexChanged.connect(lambda _i: self._show())
        self.page.addWidget(self.volumes)
        self._facts = quiet("")
        self._notes = QLabel()
        self._notes.setWordWrap(True)
        self._notes.setObjectName("small")
        self.page.addWidget(self._facts)
        self.page.addWidget(self._notes)

    def refresh(self) -> None:
        before = self.volumes.currentData()
        scans = [e for e in self.bridge.entries() if e.kind in ("volume", "dynamic")]
        fill(self.volumes, scans)
        have = self.volumes.count() > 0
        for widget in (self._shown, self.volumes, self._facts, self._notes):
            widget.setVisible(have)
        if self.volumes.currentData() != before or not have:
            self._show()

    def _show(self) -> None:
        uuid = self.volumes.currentData()
        if uuid is None:
            self.scene.set_volume(None)
            return
        with self.bridge.guarded():
            volume = self.bridge.get(uuid)
            moving = isinstance(volume, DynamicVolume)
            if self.scene.volume is None or self.scene.volume.uuid != uuid:
                if moving:
                    self.moving_wanted.emit(uuid)
                else:
                    self.scene.set_volume(volume)
            spacing = " x ".join(f"{s:.3g}" for s in volume.grid.spacing_mm)
            size = " x ".join(str(n) for n in volume.grid.size)
            phases = f", {len(volume.times_s)} phases" if moving else ""
            self._facts.setText(f"{volume.modality}, {size} voxels of {spacing} mm{phases}")
            self._notes.setText("\n".join(f"• {note}" for note in volume.notes))
            self._notes.setVisible(bool(volume.notes))
            self.bridge.select(uuid)

    def _choose_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Import a scan from a folder")
        if folder:
            self.import_wanted.emit([Path(folder)])

    def _choose_file(self) -> None:
        files, _ = QFileDialog.getOpenFileNames(
            self,
            "Import a scan from files",
            "",
            "Scans (*.zip *.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm DICOMDIR);;All files (*)",
        )
        if files:
            self.import_wanted.emit([Path(f) for f in files])
