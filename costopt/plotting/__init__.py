"""Pictures of results: one display in each file."""
