"""Values and rules without Flask and without input or output."""
