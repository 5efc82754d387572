"""From a basket to a paid order."""
