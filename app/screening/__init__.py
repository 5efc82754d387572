"""Whether a name stands on a sanctions list, and what a person decided about it."""
