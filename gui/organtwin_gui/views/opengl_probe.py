"""Whether 3D pictures can be drawn here, found out in a process of its own.

Without a working OpenGL library VTK ends the whole process at its first picture, so this is asked before that.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass


@dataclass(frozen=True)
class OpenGL:
    """What was found: does it draw, with what, and is it the processor that draws (slow) or a graphics card."""

    works: bool
    renderer: str = ""
    reason: str = ""
    software: bool = False


def is_software(renderer: str) -> bool:
    """Whether an OpenGL renderer string names the processor."""
    return any(name in renderer.lower() for name in ("llvmpipe", "softpipe", "swrast", "software"))


def probe(timeout_s: float = 60.0) -> OpenGL:
    """Draw one small picture in a child process and report."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "organtwin_gui.views.opengl_probe"],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "PYTHONFAULTHANDLER": "0"},
        )
    except subprocess.TimeoutExpired:
        return OpenGL(False, reason=f"OpenGL did not answer within {timeout_s:.0f} s.")
    except OSError as error:
        return OpenGL(False, reason=f"OpenGL could not be tried: {error}.")
    for line in done.stdout.splitlines():
        if line.startswith("OPENGL OK "):
            name = line.removeprefix("OPENGL OK ").strip()
            return OpenGL(True, renderer=name, software=is_software(name))
    if done.returncode < 0:
        return OpenGL(False, reason="No working OpenGL library was found (on Debian: apt-get install libegl1 libgl1).")
    lines = (done.stderr or done.stdout).strip().splitlines()
    return OpenGL(False, reason=lines[-1] if lines else "OpenGL drew nothing.")


def choose_window() -> None:
    """Have VTK draw without a display (EGL) where there is none, instead of complaining first."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        os.environ.setdefault("VTK_DEFAULT_OPENGL_WINDOW", "vtkEGLRenderWindow")


def renderer_name(window: object) -> str:
    """The OpenGL renderer string of a render window that has drawn."""
    for line in window.ReportCapabilities().splitlines():  # type: ignore[attr-defined]
        if "renderer string" in line:
            return str(line.split(":", 1)[1].strip())
    return ""


def _draw() -> None:
    choose_window()
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401  (registers the OpenGL classes)
    from vtkmodules.vtkCommonCore import vtkUnsignedCharArray
    from vtkmodules.vtkRenderingCore import vtkRenderer, vtkRenderWindow

    window = vtkRenderWindow()
    window.SetOffScreenRendering(1)
    window.SetSize(16, 16)
    renderer = vtkRenderer()
    renderer.SetBackground(0.2, 0.6, 0.4)
    window.AddRenderer(renderer)
    window.Render()
    pixels = vtkUnsignedCharArray()
    window.GetRGBACharPixelData(0, 0, 15, 15, 0, pixels)
    green = pixels.GetValue(1) if pixels.GetNumberOfValues() else 0
    name = renderer_name(window)
    window.Finalize()
    if abs(green - 153) > 3:
        sys.exit("OpenGL started but its picture is wrong.")
    print(f"OPENGL OK {name}", flush=True)


if __name__ == "__main__":
    _draw()
