"""The maps from scores to probabilities, one file each; `maps` lists them."""
