"""What is done to rows against imbalance: weights, random and synthetic sampling, cleaning."""
