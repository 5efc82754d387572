"""The operators' desk: search, queues, the whole story of an order, decisions of two, settings, the trail.

Nothing is decided here. Each act is a call into the package that owns the tables; this room reads and shows.
"""
