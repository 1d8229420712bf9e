"""Detectors behind one small protocol; `load_detector` gives a shared one by its spec."""

from .caching import CachingDetector
from .protocol import Detection, Detector, Scene
from .registry import DEFAULT_DETECTOR, default_open_spec, default_spec, load_detector

__all__ = [
    "DEFAULT_DETECTOR",
    "CachingDetector",
    "Detection",
    "Detector",
    "Scene",
    "default_open_spec",
    "default_spec",
    "load_detector",
]
