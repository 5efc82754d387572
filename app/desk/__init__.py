"""The operators' desk: find anything, see its whole story, act on it with a reason."""
