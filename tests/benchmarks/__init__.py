"""What is measured, each with one command: `make bench-<name>`."""
