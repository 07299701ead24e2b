"""Copies without identity: DICOM after PS3.15, Annex E (Basic Application Level Confidentiality Profile)."""
