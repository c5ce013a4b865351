from .base import CalibrationMap as CalibrationMap
