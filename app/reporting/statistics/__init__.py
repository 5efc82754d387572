"""Public figures: what was sold and cancelled here, and what the registry has published. Reads only."""
