"""The pictures: slices, 3D, four-up. Widgets that know :mod:`organtwin.model` and speak by Qt signals.

Use::

    scene = ImageScene()                      # state shared by all views; the one thing panels write to
    quad = QuadView(scene, opengl=probe().works)
    scene.set_volume(volume)                  # a Volume (None empties the views)
    scene.show_segmentation(segmentation)     # overlay; again with a newer version (same uuid, or `replaces`) updates it
    quad.viewport.show_surface(surface)       # 3D things are known by the uuid of their object
    ...
    quad.shut_down()                          # before the window goes: frees threads and OpenGL

Everything is documented on the classes; in short:

ImageScene (state.py)
    set_volume, set_window(level, width), WINDOW_PRESETS, proposed_window; show_segmentation, hide_segmentation(uuid),
    set_segmentation_visible(uuid, on), set_segment_style(uuid, key, visible=, opacity=, colour=),
    set_overlay_look(visible=, opacity=, outline=, fill=); tool (a Tool: NAVIGATE, SCROLL, WINDOW, PAN, ZOOM, MEASURE,
    PROBE, SEED, PICK), toggle_tool; set_brush(Brush(key, colour, radius_mm)) for SEED; strokes, clear_strokes,
    remove_stroke; marks, clear_marks, remove_mark; cursor.move(xyz_mm), cursor.position_mm;
    set_crosshair_visible(on); value_at, readout_at.
    Signals: volume_changed, window_changed(level, width), overlays_changed, marks_changed, tool_changed(Tool),
    brush_changed, probed(Readout | None), picked(xyz_mm), stroke_drawn(Stroke), cursor.moved(xyz_mm).
SliceView(plane, scene) (slice_view.py)
    set_slice, index, reset. Signals: slice_changed(int), maximise_requested.
Viewport(scene) (viewport.py)
    show_surface(surface, colour=, opacity=); show_mesh(mesh, MeshLook()); show_flow(result, mesh, FlowLook());
    show_tissue(result, mesh, TissueLook()); show_volume(volume, preset) with VOLUME_PRESETS and presets_for(modality);
    show_slices(on); set_look(uuid, look), look_of(uuid) with the records of items/looks.py (MeshLook has clip=Clip(normal,
    position), colour_by, edges, names; FlowLook has wall, streamlines, glyphs; TissueLook has colour_by, scale, ghost);
    remove(uuid), clear, items (dict by uuid), set_visible(uuid, on), set_opacity(uuid, x), set_colour(uuid, rgb);
    set_time(frame), time_bar (shows itself when something has frames);
    look_from("A" | "P" | "L" | "R" | "S" | "I"), reset_camera, set_parallel(on), screenshot(path, scale=2), shut_down.
    Has a small row of buttons of its own (views, fit, projection, slices, volume, picture).
    Signals: picked(xyz_mm), maximise_requested, items_changed, screenshot_wanted.
QuadView(scene) (quad.py)
    axial, coronal, sagittal, viewport; set_layout(Layout.FOUR_UP | BIG_3D | ONLY_3D), toggle_maximised(name),
    save_to(QSettings), restore_from(QSettings), reset_views, shut_down.
opengl_probe.probe() -> OpenGL(works, renderer, reason, software)
    Runs a child process (about a second); ask before the first Viewport is made.
"""

from organtwin_gui.views.items.looks import Clip, FlowLook, MeshLook, TissueLook
from organtwin_gui.views.items.volume import VOLUME_PRESETS, presets_for
from organtwin_gui.views.opengl_probe import OpenGL, probe
from organtwin_gui.views.quad import Layout, QuadView
from organtwin_gui.views.slice_render import Plane, patient_text
from organtwin_gui.views.slice_view import SliceView
from organtwin_gui.views.state import WINDOW_PRESETS, Brush, Disc, Distance, ImageScene, Readout, Stroke, Tool
from organtwin_gui.views.viewport import Viewport

__all__ = [
    "VOLUME_PRESETS",
    "WINDOW_PRESETS",
    "Brush",
    "Clip",
    "Disc",
    "Distance",
    "FlowLook",
    "ImageScene",
    "Layout",
    "MeshLook",
    "OpenGL",
    "Plane",
    "QuadView",
    "Readout",
    "SliceView",
    "Stroke",
    "TissueLook",
    "Tool",
    "Viewport",
    "patient_text",
    "presets_for",
    "probe",
]
