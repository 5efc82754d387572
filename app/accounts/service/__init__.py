"""Use cases of accounts: join, sign in, prove oneself twice, keep one's details, work together in an organisation."""
