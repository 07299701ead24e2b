"""A report of a project: one HTML file that holds its pictures, or the same as PDF; for the clinician and for the patient."""

from organtwin.report.html import AUDIENCES, write_report

__all__ = ["AUDIENCES", "write_report"]
