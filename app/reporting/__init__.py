"""Reads everything, writes nothing but counts: the participant's numbers and exports."""
