"""Cancelling by batch: lines are collected, handed to a registry's administrator as a file, and answered by one."""
