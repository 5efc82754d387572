def bad(order, money, Money, mapped_column, Float):
    # ruleid: money-is-never-a-float
    Money(order.total / 3, "USD")
    # ruleid: money-is-never-a-float
    Money(float("12.5"), "USD")
    # ruleid: money-is-never-a-float
    Money(round(order.total / 3), "USD")
    # ruleid: money-is-never-a-float
    half = money.minor / 2
    # ruleid: money-is-never-a-float
    shown = float(money.minor)
    # ruleid: money-is-never-a-float
    price = mapped_column(Float, nullable=False)
    return half, shown, price


def good(order, money, Money, mapped_column, BigInteger):
    # ok: money-is-never-a-float
    Money(order.total // 3, "USD")
    # ok: money-is-never-a-float
    half, rest = divmod(money.minor, 2)
    # ok: money-is-never-a-float
    price = mapped_column(BigInteger, nullable=False)
    return half, rest, price
