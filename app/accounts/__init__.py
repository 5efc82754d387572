"""People, how they sign in, and what they may do for which organisation."""
