"""The published books of a registry in the embedded ledger: issuances and cancellations, each with its source row."""
