"""Strategies side by side in money, advice before, and mistakes caught."""
