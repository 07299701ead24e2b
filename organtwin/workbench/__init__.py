"""The second hand of the workbench: a process of its own that works edits out while the window goes on."""
