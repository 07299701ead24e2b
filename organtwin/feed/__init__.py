"""Readings that arrive while one looks: MQTT and FHIR over HTTP, off unless asked for, kept on disk before they are answered."""
