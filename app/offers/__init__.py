"""Units for sale: offers, reservations, and the pages that show them."""
