"""A report of a project: one HTML file that holds its pictures, or the same as PDF; for the clinician and for the patient."""
