"""How numbers are written, and how objects tell about themselves in notebooks and terminals."""
