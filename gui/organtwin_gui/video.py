"""Films of the 3D view: a cycle played through, with its time, legends, orientation and a line that says what it is not."""

from __future__ import annotations

import shutil
import subprocess
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image
from PySide6.QtCore import QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QLabel,
    QProgressBar,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from organtwin_gui import theme
from organtwin_gui.forms import form
from organtwin_gui.views import Viewport
from organtwin_gui.webm import film, vp8_frame

DISCLAIMER = "Research and rehearsal only, not a medical device"
_WAITING = 4  # pictures that may wait to be written
_STRIP = 26.0  # pixels of the line below the picture


@dataclass(frozen=True)
class Film:
    """``frames_per_second`` pictures for ``seconds`` of one cycle, ``scale`` times the pixels of the view."""

    frames_per_second: int = 25
    seconds: float = 4.0
    cycles: int = 1
    scale: float = 1.0

    @property
    def pictures(self) -> int:
        """Different ones: those of one cycle."""
        return max(2, round(self.frames_per_second * self.seconds))


class Writer(Protocol):
    """Takes the pictures (height, width, 3) uint8 of one cycle in turn, then makes the file of so many cycles."""

    def add(self, picture: np.ndarray) -> None: ...
    def finish(self, cycles: int) -> None: ...
    def abort(self) -> None: ...


class WebM:
    """A film of key frames, made here."""

    def __init__(self, path: Path, frames_per_second: int) -> None:
        self._path, self._rate = path, frames_per_second
        self._frames: list[bytes] = []
        self._size = (0, 0)

    def add(self, picture: np.ndarray) -> None:
        self._size = (picture.shape[1], picture.shape[0])
        self._frames.append(vp8_frame(Image.fromarray(picture)))

    def finish(self, cycles: int) -> None:
        _replace(self._path, film(self._frames * cycles, *self._size, self._rate))

    def abort(self) -> None:
        self._frames.clear()


class Gif:
    """An animated GIF of 256 colours, played for ever."""

    def __init__(self, path: Path, frames_per_second: int) -> None:
        self._path, self._rate = path, frames_per_second
        self._frames: list[Image.Image] = []

    def add(self, picture: np.ndarray) -> None:
        image = Image.fromarray(picture)
        # one palette for all, that of the first picture and its legend, so that colours do not flicker
        if not self._frames:
            self._frames.append(image.quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE))
        else:
            self._frames.append(image.quantize(palette=self._frames[0], dither=Image.Dither.FLOYDSTEINBERG))

    def finish(self, cycles: int) -> None:
        part = _part(self._path)
        first, *others = self._frames
        # GIF counts in hundredths of a second
        first.save(part, "GIF", save_all=True, append_images=others, duration=round(100 / self._rate) * 10, loop=0)
        part.replace(self._path)

    def abort(self) -> None:
        self._frames.clear()
        _part(self._path).unlink(missing_ok=True)


class Pictures:
    """Numbered PNG files in a folder."""

    def __init__(self, path: Path, frames_per_second: int) -> None:
        self._folder, self._written = path, []
        self._made = not path.exists()
        path.mkdir(parents=True, exist_ok=True)

    def add(self, picture: np.ndarray) -> None:
        file = self._folder / f"{len(self._written):04d}.png"
        Image.fromarray(picture).save(file, compress_level=3)
        self._written.append(file)

    def finish(self, cycles: int) -> None:
        """The pictures of one cycle are all there is."""

    def abort(self) -> None:
        for file in self._written:
            file.unlink(missing_ok=True)
        if self._made:
            self._folder.rmdir()


class Mp4:
    """H.264 by an ``ffmpeg`` program, where there is one."""

    def __init__(self, path: Path, frames_per_second: int) -> None:
        self._path, self._rate = path, frames_per_second
        self._frames: list[bytes] = []
        self._size = (0, 0)

    def add(self, picture: np.ndarray) -> None:
        self._size = (picture.shape[1], picture.shape[0])
        packed = vp8_frame(Image.fromarray(picture), 95)
        self._frames.append(packed)

    def finish(self, cycles: int) -> None:
        part = _part(self._path)
        for codec in (("libx264", "-crf", "20", "-pix_fmt", "yuv420p"), ("mpeg4", "-q:v", "3")):
            command = ["ffmpeg", "-y", "-loglevel", "error", "-i", "-", "-c:v", *codec, "-movflags", "+faststart"]
            ran = subprocess.run(
                [*command, "-f", "mp4", str(part)],
                input=film(self._frames * cycles, *self._size, self._rate), capture_output=True, check=False,
            )  # fmt: skip
            if ran.returncode == 0:
                part.replace(self._path)
                return
        part.unlink(missing_ok=True)
        said = ran.stderr.decode(errors="replace").strip().splitlines()
        raise OSError(said[-1] if said else "ffmpeg failed")

    def abort(self) -> None:
        self._frames.clear()
        _part(self._path).unlink(missing_ok=True)


def formats() -> dict[str, tuple[str, type]]:
    """Ending -> name and writer; MP4 only where an ``ffmpeg`` program is found."""
    found: dict[str, tuple[str, type]] = {}
    if shutil.which("ffmpeg"):
        found[".mp4"] = ("MP4 film", Mp4)
    return found | {
        ".webm": ("WebM film", WebM),
        ".gif": ("Animated GIF", Gif),
        "": ("Folder of PNG pictures", Pictures),
    }


def _part(path: Path) -> Path:
    return path.with_name(path.name + ".part")


def _replace(path: Path, data: bytes) -> None:
    part = _part(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def picture_of(viewport: Viewport, scale: float, words: str) -> np.ndarray:
    """(height, width, 3) uint8 of the 3D view with its legends, and below it the time and what the film is not."""
    view = viewport.screenshot(scale=scale)
    strip = round(_STRIP * scale)
    # video codecs want even numbers
    width, height = view.width() // 2 * 2, (view.height() + strip) // 2 * 2
    image = QImage(width, height, QImage.Format.Format_RGB888)
    image.fill(QColor("#0b0e12"))
    painter = QPainter(image)
    painter.drawImage(0, 0, view)
    painter.scale(scale, scale)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    area = QRectF(12, view.height() / scale, width / scale - 24, height / scale - view.height() / scale)
    bold = theme.font(theme.SMALL_POINTS, bold=True)
    painter.setFont(bold)
    painter.setPen(QColor(theme.IMAGE_TEXT))
    painter.drawText(area, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), words)
    room = area.adjusted(QFontMetricsF(bold).horizontalAdvance(words) + 16, 0, 0, 0)
    font = theme.font(theme.SMALL_POINTS)
    said = f"OrganTwin · {DISCLAIMER}"
    if QFontMetricsF(font).horizontalAdvance(said) > room.width():
        said = "Not a medical device"
    painter.setFont(font)
    painter.setPen(QColor("#9ba7b6"))
    painter.drawText(room, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), said)
    painter.end()
    lines = np.frombuffer(image.constBits(), np.uint8).reshape(height, image.bytesPerLine())
    return lines[:, : 3 * width].reshape(height, width, 3).copy()


class Recorder(QObject):
    """Takes one picture each time the window has nothing else to do, so that it stays alive and can be cancelled.

    Signals
    -------
    progressed(int, int)
        Pictures taken, pictures in all.
    ended(str)
        "" when the film is there, one sentence when it is not.
    """

    progressed = Signal(int, int)
    ended = Signal(str)

    def __init__(self, viewport: Viewport, film: Film, writer: Writer, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._viewport, self._film, self._writer = viewport, film, writer
        self._taken = 0
        self._before = viewport.time_bar.fraction
        self._pool = ThreadPoolExecutor(1, "film")  # writes beside the window, picture after picture
        self._writing: deque[Future[None]] = deque()
        self._finishing = False
        self._clock = QTimer(self)
        self._clock.timeout.connect(self._guarded)

    def start(self) -> None:
        self._viewport.time_bar.pause()
        self._clock.start(0)

    def cancel(self) -> None:
        """Stop; nothing is left behind."""
        if self._clock.isActive():
            self._end("The film was cancelled.")

    def _end(self, problem: str) -> None:
        self._clock.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if problem:
            self._writer.abort()
        self._viewport.time_bar.set_fraction(self._before)
        self.ended.emit(problem)

    def _guarded(self) -> None:
        try:
            self._step()
        except OSError as problem:
            why = problem.strerror or str(problem)
            self._end(f"The film could not be written ({why}). Choose another place, or make room.")

    def _step(self) -> None:
        while self._writing and self._writing[0].done():
            self._writing.popleft().result()
        if self._taken == self._film.pictures:
            if not self._finishing:
                self._finishing = True
                self._writing.append(self._pool.submit(self._writer.finish, self._film.cycles))
            elif not self._writing:
                self._end("")
            self._clock.setInterval(30)
            return
        bar = self._viewport.time_bar
        fraction = self._taken / self._film.pictures
        if bar.back_and_forth:
            fraction = 1 - abs(1 - 2 * fraction)
        if abs(bar.fraction - fraction) > 1e-9:
            bar.set_fraction(fraction)
        if not self._viewport.is_ready or len(self._writing) > _WAITING:
            self._clock.setInterval(30)  # streamlines or particles are still computed, or the writer is behind
            return
        self._clock.setInterval(0)
        picture = picture_of(self._viewport, self._film.scale, bar.text.text())
        self._writing.append(self._pool.submit(self._writer.add, picture))
        self._taken += 1
        self.progressed.emit(self._taken, self._film.pictures)


class VideoDialog(QDialog):
    """Asks how, records, and shows how far it is."""

    def __init__(self, viewport: Viewport, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Film of the 3D view")
        self._viewport = viewport
        self._recorder: Recorder | None = None
        self.path: Path | None = None
        self.format, self.size, self.length, self.cycles = QComboBox(), QComboBox(), QComboBox(), QComboBox()
        for ending, (name, _) in formats().items():
            self.format.addItem(f"{name} (*{ending})" if ending else name, ending)
        area = viewport.canvas.size()
        for scale in (1.0, 1.5, 2.0):
            self.size.addItem(f"{area.width() * scale:.0f} × {area.height() * scale:.0f} pixels", scale)
        for seconds in (2.0, 4.0, 8.0):
            self.length.addItem(f"{seconds:g} s", seconds)
        if viewport.is_live:  # a rehearsal: as long as it took
            took = viewport.time_bar.seconds
            self.length.insertItem(0, f"{took:.0f} s, as it was", took)
        self.length.setCurrentIndex(0 if viewport.is_live else 1)
        for count in (1, 2, 3, 5):
            self.cycles.addItem(str(count), count)
        rows = form()
        for text, choice, tip in (
            ("Format", self.format, "MP4 needs the program ffmpeg; WebM plays in every browser"),
            ("Size", self.size, "The 3D view as it is now, as fine as you like"),
            ("One cycle takes", self.length, "How slowly it plays"),
            ("Cycles", self.cycles, "How often it plays through (GIF repeats by itself)"),
        ):
            choice.setToolTip(tip)
            rows.addRow(text, choice)
        self.bar = QProgressBar()
        self.bar.setToolTip("Pictures taken")
        self.bar.hide()
        self.said = QLabel("The film shows the view as it stands: turn and colour it first.")
        self.said.setObjectName("quiet")
        self.said.setWordWrap(True)
        self.buttons = QDialogButtonBox()
        self.go = QPushButton(theme.icon("video"), "Record")
        self.go.setMinimumWidth(120)
        self.go.setToolTip("Choose a file and record")
        self.buttons.addButton(self.go, QDialogButtonBox.ButtonRole.ActionRole)
        self.stop = self.buttons.addButton(QDialogButtonBox.StandardButton.Cancel)
        self.stop.setToolTip("Stop, and leave nothing behind")
        self.go.clicked.connect(self._choose)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.setSpacing(12)
        column.addLayout(rows)
        column.addWidget(self.said)
        column.addWidget(self.bar)
        column.addWidget(self.buttons)
        self.setMinimumWidth(380)
        if not viewport.time_bar.isVisibleTo(viewport):
            self.go.setEnabled(False)
            self.said.setText("Nothing in the 3D view moves: show a flow over a cycle, particles, or a deformation.")

    def _choose(self) -> None:
        ending = str(self.format.currentData())
        proposed = str(Path.home() / f"organtwin-film{ending}")
        file, _ = QFileDialog.getSaveFileName(self, "Save the film", proposed, f"{self.format.currentText()}")
        if file:
            path = Path(file)
            self.record(path if not ending or path.suffix == ending else path.with_name(path.name + ending))

    def record(self, path: Path) -> None:
        """Record into a file (or, for pictures, a folder)."""
        film = Film(seconds=self.length.currentData(), cycles=self.cycles.currentData(), scale=self.size.currentData())
        try:
            writer = formats()[str(self.format.currentData())][1](path, film.frames_per_second)
        except OSError as problem:
            self.said.setText(f"The film could not be written ({problem.strerror}). Choose another place.")
            return
        self.path = path
        self._recorder = Recorder(self._viewport, film, writer, self)
        self._recorder.progressed.connect(self._progressed)
        self._recorder.ended.connect(self._ended)
        for widget in (self.go, self.format, self.size, self.length, self.cycles):
            widget.setEnabled(False)
        self.bar.setRange(0, film.pictures)
        self.bar.show()
        self.said.setText("Recording …")
        self._recorder.start()

    def _progressed(self, taken: int, count: int) -> None:
        self.bar.setValue(taken)

    def _ended(self, problem: str) -> None:
        self._recorder = None
        self.said.setText(problem)
        for widget in (self.go, self.format, self.size, self.length, self.cycles):
            widget.setEnabled(True)
        self.bar.hide()
        if not problem:
            self.accept()

    def reject(self) -> None:
        if self._recorder is not None:
            self._recorder.cancel()
        else:
            super().reject()
