"""Tonne: a marketplace for voluntary cancellation of certified emission reductions.

The application is put together in `app/factory.py`; this file stays empty so that a command can
use one module without loading all of them.
"""
