"""The joint search over model, resampling ratio and threshold; the only user of Optuna."""
