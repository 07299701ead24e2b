"""UCUM units and numbers as people read them; the words stand with the readings."""

from organtwin.timeline.words import number_words, unit_words

__all__ = ["number_words", "unit_words"]
