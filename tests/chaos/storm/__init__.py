"""Ten thousand purchases in a storm: the whole product as processes, and everything around it with books of its own.

`fates` draws what becomes of each purchase, `shopper` makes it over HTTP; `outside` is gateway, registry and mail
server, whose books (`books`) last on disk; `house` starts and kills the product, `inside` is what its processes get
beside it, `desk` its operators; `weather` breaks things, `storm` plays it all, `audit` compares the books afterwards
in plain SQL.
"""
