"""Helpers of the unit tests."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def studio() -> ModuleType:
    """``dicom_studio.py``: makes DICOM series of a phantom that no flip can hide from."""
    spec = importlib.util.spec_from_file_location("dicom_studio", Path(__file__).with_name("dicom_studio.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
