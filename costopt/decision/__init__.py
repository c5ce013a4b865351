"""The arithmetic of decisions: numpy and scipy only, no estimator, file, clock or global state."""
