"""What people hand over, and what is suspicious about it."""
