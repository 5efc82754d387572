"""Claims about the climate are found however they are written, and ordinary purposes are left in peace."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.claims.checker import expressions, find_claims, rules_touched, without_claims
from app.claims.states import WORDING, WordingState


def spelled(pattern: str) -> str:
    """An expression as a person would write it: the first of the words that may stand in each place."""
    return " ".join(word.split("|")[0].removesuffix("*") for word in pattern.split(" "))


@pytest.mark.parametrize(
    ("text", "rule", "quote"),
    [
        ("Climate-Neutral Ltd", "neutral", "Climate-Neutral"),
        ("our CO₂‑neutral office", "neutral", "CO₂‑neutral"),
        ("carbon_neutral", "neutral", "carbon_neutral"),
        ("We neutralise our emissions", "neutral", "neutralise our emissions"),
        ("Net  Zero by 2030", "zero", "Net  Zero"),
        ("NETZERO", "zero", "NETZERO"),
        ("Ｎｅｔ　Ｚｅｒｏ", "zero", "Ｎｅｔ　Ｚｅｒｏ"),
        ("a flight with no climate impact", "zero", "no climate impact"),
        ("carbon-free delivery", "free", "carbon-free"),
        ("we are climate positive", "positive", "climate positive"),
        ("100% offset", "offset", "100% offset"),
        ("our trip is fully offset", "offset", "fully offset"),
        ("Neutre en carbone", "neutral", "Neutre en carbone"),
        ("la NEUTRALITÉ CARBONE", "neutral", "NEUTRALITÉ CARBONE"),
        ("zéro carbone", "zero", "zéro carbone"),
        ("zero  carbone", "zero", "zero  carbone"),
        ("une émission nette nulle", "zero", "émission nette nulle"),
        ("émissions nettes zéro", "zero", "émissions nettes zéro"),
        ("un bureau décarboné", "free", "décarboné"),
        ("un vol 100 % compensé", "offset", "100 % compensé"),
        ("compensée à 100 %", "offset", "compensée à 100 %"),
        ("intégralement compensées", "offset", "intégralement compensées"),
        ("carbono neutral", "neutral", "carbono neutral"),
        ("Carbononeutral", "neutral", "Carbononeutral"),
        ("somos neutros en carbono", "neutral", "neutros en carbono"),
        ("cero emisiones", "zero", "cero emisiones"),
        ("100 % compensado", "offset", "100 % compensado"),
        ("huella de carbono cero", "zero", "huella de carbono cero"),
        ("klimaneutral", "neutral", "klimaneutral"),
        ("KLIMANEUTRALITÄT", "neutral", "KLIMANEUTRALITÄT"),
        ("我们实现碳中和了", "neutral", "碳中和"),
        ("углеродно-нейтральный", "neutral", "углеродно-нейтральный"),
        ("شركة محايدة للكربون", "neutral", "محايدة للكربون"),
        ("En klimatneutral resa", "neutral", "klimatneutral"),
        ("Klimanøytralt arrangement", "neutral", "Klimanøytralt"),
        ("hiilineutraali", "neutral", "hiilineutraali"),
        ("Karbon nötr", "neutral", "Karbon nötr"),
        ("نحن محايد كربونيًا", "neutral", "محايد كربونيًا"),
        ("сarbоn nеutral", "neutral", "сarbоn nеutral"),  # with Cyrillic с, о, е
        ("c l i m a t e n e u t r a l", "neutral", "c l i m a t e n e u t r a l"),
        ("We are carbon n3utral", "neutral", "carbon n3utral"),
        ("c4rb0n-n3u7r41 since 2020", "neutral", "c4rb0n-n3u7r41"),
        ("2er0 c4rb0n", "zero", "2er0 c4rb0n"),
        ("UN-certified offices", "endorsed", "UN-certified"),
        ("a U.N. approved event", "endorsed", "U.N. approved"),
        ("certified by the United Nations", "endorsed", "certified by the United Nations"),
        ("Endorsed by the United Nations", "endorsed", "Endorsed by the United Nations"),
        ("verified by UNFCCC", "endorsed", "verified by UNFCCC"),
        ("our United Nations certificate", "endorsed", "United Nations certificate"),
        ("un bureau certifié par l’ONU", "endorsed", "certifié par l’ONU"),
        ("Vols approuvés par les Nations unies", "endorsed", "approuvés par les Nations unies"),
        ("Congrès certifié ONU", "endorsed", "certifié ONU"),
        ("Certificado por la ONU", "endorsed", "Certificado por la ONU"),
        ("viajes avalados por las Naciones Unidas", "endorsed", "avalados por las Naciones Unidas"),
        ("certificado de las Naciones Unidas", "endorsed", "certificado de las Naciones Unidas"),
        ("0 emissions since May", "zero", "0 emissions"),
        ("our event has zero net emissions", "zero", "zero net emissions"),
        ("we offset all our emissions", "offset", "offset all our emissions"),
        ("our flights are offset 100 percent", "offset", "offset 100 percent"),
        ("compensated 100 per cent", "offset", "compensated 100 per cent"),
        ("offset at 100 %: no, offset 100 %", "offset", "offset 100 %"),
        ("a climate compensated menu", "offset", "climate compensated"),
        ("with a reduced climate impact", "positive", "reduced climate impact"),
        ("zero CO₂e", "zero", "zero CO₂e"),
        ("a neutral carbon footprint", "neutral", "neutral carbon footprint"),
        ("zéro gaz à effet de serre", "zero", "zéro gaz à effet de serre"),
        ("sans gaz à effet de serre", "free", "sans gaz à effet de serre"),
        ("neutre vis-à-vis du climat", "neutral", "neutre vis-à-vis du climat"),
        ("certifié UNFCCC", "endorsed", "certifié UNFCCC"),
        ("neutralizar emisiones", "neutral", "neutralizar emisiones"),
        ("un evento carbono cero", "zero", "carbono cero"),
        ("libre de gases de efecto invernadero", "free", "libre de gases de efecto invernadero"),
        ("con el aval de la ONU", "endorsed", "aval de la ONU"),
        ("de la carboneutralité", "neutral", "carboneutralité"),
        ("neutre sur le plan climatique", "neutral", "neutre sur le plan climatique"),
        ("un impact neutre sur le climat", "neutral", "impact neutre sur le climat"),
        ("ACME neutralise son empreinte", "neutral", "neutralise son empreinte"),
        ("nos émissions sont neutralisées", "neutral", "émissions sont neutralisées"),
        ("zéro impact sur le climat", "zero", "zéro impact sur le climat"),
        ("un impact carbone nul", "zero", "impact carbone nul"),
        ("0 émission", "zero", "0 émission"),
        ("climatiquement positif", "positive", "climatiquement positif"),
        ("ACME compense 100 % de ses émissions", "offset", "compense 100 %"),
        ("nous compensons toutes nos émissions", "offset", "compensons toutes nos émissions"),
        ("une compensation intégrale", "offset", "compensation intégrale"),
        ("un repas compensé pour le climat", "offset", "compensé pour le climat"),
        ("une incidence réduite sur le climat", "positive", "incidence réduite sur le climat"),
        ("agréé par l’Organisation des Nations unies", "endorsed", "agréé par l’Organisation des Nations unies"),
        ("certificat ONU", "endorsed", "certificat ONU"),
        ("neutralidad de emisiones", "neutral", "neutralidad de emisiones"),
        ("un impacto neutro en el clima", "neutral", "impacto neutro en el clima"),
        ("neutraliza tus emisiones", "neutral", "neutraliza tus emisiones"),
        ("Neto cero en 2030", "zero", "Neto cero"),
        ("un evento de impacto climático cero", "zero", "impacto climático cero"),
        ("0 emisiones", "zero", "0 emisiones"),
        ("climáticamente positivo", "positive", "climáticamente positivo"),
        ("compensamos el 100 % de nuestras emisiones", "offset", "compensamos el 100 %"),
        ("compensa todas sus emisiones", "offset", "compensa todas sus emisiones"),
        ("una compensación total", "offset", "compensación total"),
        ("un menú compensado climáticamente", "offset", "compensado climáticamente"),
        ("con impacto climático reducido", "positive", "impacto climático reducido"),
        ("certificado de Naciones Unidas", "endorsed", "certificado de Naciones Unidas"),
        (
            "Vuelo avalado por la Organización de las Naciones Unidas",
            "endorsed",
            "avalado por la Organización de las Naciones Unidas",
        ),
    ],
)
def test_a_claim_is_found_and_quoted_as_typed(text: str, rule: str, quote: str) -> None:
    assert [(finding.rule, finding.quote) for finding in find_claims(text)] == [(rule, quote)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Our office heating of 2025",
        "Amélie Nguyễn",
        "Planet Zero Waste Ltd",
        "Carbon Freedom Fighters",
        "neutral Switzerland",
        "We offset our flight to Nairobi",
        "We offset 100 tonnes of CO₂",
        "100 offsets for the wedding of Ana and Bo",
        "Compensation de nos vols de 2025",
        "Compensación de nuestro viaje",
        "Acero Neto S.A.",
        "Die Klimaschützer",
        "an uncertified and unapproved draft",
        "The United Nations Children’s Fund",
        "un certificat pour Ana",
        "Asociación para las Naciones Unidas en España",
        "12 certified emission reductions, cancelled in the registry of the United Nations",
        "Stand 37 at fair 2025, hall 1",
        "12 CERs for the wedding of Ana and Bo",
        "We had 12 CERs cancelled as a contribution to climate action.",
        "Cancellation of units in the registry on behalf of Jane Doe, as a contribution to climate action.",
        "un don pour la décarbonation de l’industrie",
        "Nous avons fait annuler 12 URCE en contribution à l’action climatique.",
        "Hemos hecho cancelar 12 RCE por emisiones nuestras que no pudimos evitar.",
        "En 2030 emisiones nuevas",
        "ACME compense 100 tonnes de CO₂",
        "Compensation des vols de toutes nos équipes",
        "Compensación del viaje de todas las familias",
        "Απόδραση στον Όλυμπο",
        "Наша поездка на Алтай",
        "Bilan carbone : nuitées d’hôtel et repas de 2025",
        "Réduire un impact nuisible sur le climat",
        "Acme Limited – carbon footprint of 2025",
        "Industrie 4.0 – émissions de 2025",
        "Version 2,0: CO₂ en 2025",
        "Gold Standard certified, UNFCCC project 5107",
        "Verified: UNFCCC 5107 of 2014",
    ],
)
def test_what_makes_no_claim_is_left_in_peace(text: str) -> None:
    assert find_claims(text) == ()
    assert without_claims(text) or not text


def test_every_expression_is_found_as_it_is_written() -> None:
    assert len(expressions()) > 80
    assert {expression.rule for expression in expressions()} == {
        "neutral",
        "zero",
        "free",
        "positive",
        "offset",
        "endorsed",
    }
    assert {"en", "fr", "es"} <= {expression.language for expression in expressions()}
    for expression in expressions():
        for option in expression.pattern.split(" ")[0].split("|"):
            text = " ".join([option.removesuffix("*"), *spelled(expression.pattern).split(" ")[1:]])
            assert find_claims(text), expression


EXPRESSIONS = st.sampled_from([spelled(expression.pattern) for expression in expressions()])
INVISIBLE = st.sampled_from(
    ["", "\u200b", "\u00ad", "\u2060", "\u200d", "\ufeff", "\u0301", "\u034f", " ", "\u0345", "\u115f", "\u3164"]
)
DIGITS = {"a": "4", "b": "8", "e": "3", "i": "1", "l": "1", "o": "0", "s": "5", "t": "7", "z": "2"}
SPACES = st.sampled_from([" ", "-", "–", "\u00a0", "\u202f", "_", "", "\n", " - ", ".", "…"])


@pytest.mark.parametrize(
    "text",
    [
        "CΑRΒΟΝ ΝEUTRΑL",  # with Greek Α, Β, Ο, Ν
        "СΑRΒОΝ ΝЕUТRАL",  # and Cyrillic С, О, Е, Т, А
        "сагbоп пеutгаӏ",  # with Cyrillic с, а, г, о, п, е, ӏ
        "ᴄᴀʀʙᴏɴ ɴᴇᴜᴛʀᴀʟ",
        "𝐂𝐚𝐫𝐛𝐨𝐧 𝓷𝓮𝓾𝓽𝓻𝓪𝓵",
        "ⓒⓐⓡⓑⓞⓝ 🅝🅔🅤🅣🅡🅐🅛",
        "🅲🅰🆁🅱🅾🅽 🄽🄴🅄🅃🅁🄰🄻",
        "🇨🇦🇷🇧🇴🇳 🇳🇪🇺🇹🇷🇦🇱",
        "cɑrbon nɛutral",
        "Carbon neutraI",
        "c\u3164arbon neu\u1160tral",
        "c\u0345arbon neutral",
    ],
)
def test_letters_that_look_alike_hide_nothing(text: str) -> None:
    assert [finding.rule for finding in find_claims(text)] == ["neutral"]


@given(EXPRESSIONS, st.data())
def test_no_disguise_hides_an_expression(expression: str, data: st.DataObject) -> None:
    disguised = ""
    for letter in expression:
        if letter == " ":
            disguised += data.draw(SPACES)
            continue
        cased = data.draw(st.sampled_from([letter, letter.upper(), letter.title(), DIGITS.get(letter, letter)]))
        disguised += cased + data.draw(INVISIBLE)

    assert find_claims(f"We are {disguised}!"), disguised


@given(st.text(max_size=120))
def test_every_finding_is_a_place_in_the_text_and_none_overlap(text: str) -> None:
    end = 0
    for finding in find_claims(text):
        assert text[finding.start : finding.end] == finding.quote
        assert end <= finding.start < finding.end
        end = finding.end


@given(st.text(max_size=60), EXPRESSIONS, st.text(max_size=60))
def test_what_is_left_of_a_name_makes_no_claim_in_any_of_its_parts(before: str, claim: str, after: str) -> None:
    rest = without_claims(f"{before}, {claim}, {after}")

    assert all(not find_claims(part) for part in re.split(", ", rest))


def test_of_two_claims_that_overlap_one_is_named() -> None:
    assert [finding.quote for finding in find_claims("a zero carbon-free day")] == ["zero carbon"]


def test_the_parts_of_a_name_without_a_claim_are_left() -> None:
    for name, rest in {
        "ACME (climate neutral since 2020)": "ACME",
        "ACME – carbon neutral": "ACME",
        "carbon-neutral ACME": "",
        "Net Zero: ACME, Berne": "ACME, Berne",
        "ACME-Werke": "ACME-Werke",
    }.items():
        assert without_claims(name) == rest


def test_the_rules_of_several_texts_are_named_once() -> None:
    assert rules_touched("Carbon Neutral", "net zero and carbon neutral") == ("neutral", "zero")
    assert rules_touched("Ana", "") == ()


def test_a_decision_can_be_taken_back_and_never_undone_into_waiting() -> None:
    assert WORDING.sources(WordingState.PENDING) == ()
    assert WORDING.targets(WordingState.RELEASED) == {WordingState.WITHHELD}
    assert WORDING.targets(WordingState.WITHHELD) == {WordingState.RELEASED}
