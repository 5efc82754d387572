"""Countries are known by their names in every language of the site."""

from app.kernel.places import names_of_country


def test_a_country_has_its_name_in_every_language() -> None:
    assert names_of_country("DE") == ("Germany", "Allemagne", "Alemania")


def test_a_code_that_nobody_knows_stays_as_it_is() -> None:
    assert names_of_country("QQ") == ("QQ", "QQ", "QQ")
