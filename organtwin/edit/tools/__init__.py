"""The tools of the workbench, one a file."""
