"""scikit-learn citizens: thin shells that check, hold state and delegate."""
