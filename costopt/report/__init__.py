"""Results to look at: displays."""
