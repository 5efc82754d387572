"""Who did what, when and why; decisions that take two people; notes and house rules."""
