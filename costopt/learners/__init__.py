"""What learns: the protocol, one file for each family, and model files that are safe to read."""
