"""The artefact that leaves the building: a rule with all that it needs, in files that are safe to load."""
