"""A report of a project: one HTML file that holds its pictures."""

from organtwin.report.html import write_report

__all__ = ["write_report"]
