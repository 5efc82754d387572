"""A holder cancels own units without a sale, for itself or for somebody else."""
