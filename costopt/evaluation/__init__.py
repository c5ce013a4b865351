"""What a fitted thing would have cost on rows that it was not fitted to."""
