"""Complaints: a number, a deadline, a reply, and what everybody may know of all of them."""
