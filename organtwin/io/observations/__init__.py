"""Readers and writers of readings: FHIR, health apps, wearables, glucose meters."""
