"""Many candidates, each evaluated once: who takes which, where they run, and where they are kept."""
