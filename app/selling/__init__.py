"""A participant's offers: draw up, submit, price, withdraw; what operators decide about them."""
