"""A small, strict, stateful stand-in for the part of Stripe that the product uses.

`shapes` refuses requests that the pinned SDK's own types do not allow, `rules` keeps sessions,
charges and refunds and says no where Stripe would, `server` speaks HTTP on loopback, shows the
hosted page and posts signed events. It can be told to lose answers and to fail.
"""

from tests.stripe_standin.server import StripeStandIn

__all__ = ["StripeStandIn"]
