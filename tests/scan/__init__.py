"""`make scan`: every scanner in turn, and each finding either mended or explained in explained.toml."""
