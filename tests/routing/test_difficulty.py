"""How hard a prompt is judged to be: by itself, in its conversation, and whatever it holds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

import chat_tui.routing.ranking.difficulty as scorer
from chat_tui.core.conversation import Turn
from chat_tui.core.request import Request
from chat_tui.core.text.prompt_features import PromptFeatures
from chat_tui.routing.ranking.difficulty import LOOKED_AT, WORDS, difficulty_of, hash_text, lower
from chat_tui.routing.ranking.follow_ups import EARLIER, EARLIER_LENGTH, difficulty_in_conversation
from chat_tui.routing.ranking.prompt_features import features_of

LEDGER = "Design a payment ledger with double entry that stays right when clients retry and servers crash."
THEOREM = "Prove that every continuous function on a closed interval is uniformly continuous."
CAPITAL = "What is the capital of Norway?"
GRADE_SCHOOL = "Tom has 12 apples and gives a third of them to Anna. How many apples does he have left?"
CODE_TO_REFACTOR = "def total(o):\n    s = 0\n    for i in o.items:\n        s += i.price\n    return s\n" * 30

TRIVIAL = [
    *(
        "hello",
        "Hello!",
        "hi there",
        "thanks!",
        "thanks a lot",
        "ok cool",
        "good night",
        "bye",
        "who are you?",
        "👍",
        "🎉🙂",
    ),
    *("how are you?", "hola", "bonjour", "guten Morgen", "buonasera", "obrigado", "dziękuję", "teşekkürler", "спасибо"),
    *(
        "你好",
        "谢谢",
        "こんにちは",
        "ありがとう",
        "안녕하세요",
        "감사합니다",
        "مرحبا",
        "धन्यवाद",
        "תודה",
        "καλημέρα",
        "สวัสดี",
    ),
]
"""Easier than −2."""
EVERYDAY = [
    *("Translate this sentence into Dutch: the shop is closed", "Rewrite this mail so that it is polite: pay now"),
    *("Summarise this text in two sentences.", "Give me a recipe for lentil soup.", "Write a poem about rain."),
    *("Suggest a name for my bakery.", "How do I iron a shirt?", "Correct the grammar: she go to school"),
    *("Schreibe eine Einladung zum Geburtstag.", "Écris un mot d'excuse pour l'école.", "写一封感谢信"),
]
"""Between −3 and 0."""
DEMANDING = [
    *("Докажи, что простых чисел бесконечно много", "Докажите, что корень из двух иррационален."),
    *("소수가 무한히 많음을 증명하시오.", "Udowodnij, że liczb pierwszych jest nieskończenie wiele."),
    *("证明素数有无穷多个。", "素数が無限に存在することを証明してください。"),
    *("Asal sayıların sonsuz olduğunu kanıtla.", "Beweise, dass es unendlich viele Primzahlen gibt."),
    *(LEDGER, THEOREM, "Prove that there are infinitely many primes.", "Prove that √11 is irrational."),
    "Find the deadlock in this program: thread one locks a then b, thread two locks b then a.",
    "Design a distributed queue with exactly-once delivery and explain what happens in a network partition.",
    "Refactor this 3000-line module into layers without changing its behaviour, in steps that can be released.",
    "Implement Raft with snapshots and membership changes in Rust, and write the tests for safety.",
    "Analyse whether this arbitration clause is enforceable against a consumer under EU law.",
    "Derive the Navier-Stokes equations from conservation of mass and momentum and state every assumption.",
    "Démontre qu'il existe une infinité de nombres premiers.",
    "证明存在无穷多个素数。",
]
"""Harder than 0."""
PAIRS = [
    (LEDGER, GRADE_SCHOOL),
    (THEOREM, GRADE_SCHOOL),
    (LEDGER, "Write a short story about a lost key."),
    (THEOREM, "Explain what a prime number is."),
    (GRADE_SCHOOL, "thanks!"),
    (CAPITAL, "hello"),
    ("Explain how a transistor works.", "good morning"),
    ("Write a poem about rain.", "ok"),
    ("Why is the sky blue?", "who are you?"),
    ("Design a rate limiter for a thousand servers.", "Design a birthday card."),
    ("Implement a B+ tree with concurrent writers.", "Write a function that adds two numbers."),
    ("Write a type checker for a functional language.", "Write hello world in Java."),
    ("Find the race condition in this queue and prove your fix.", "How do I print a list in Python?"),
    ("Solve the differential equation y'' + y = tan(x).", "What is 12 + 30?"),
    ("Evaluate the integral of x^3 e^{-x^2} from 0 to infinity.", "What is half of 50?"),
    ("How many positive integers below 1000 are divisible by neither 7 nor 11 nor 13?", "How many days has May?"),
    ("Find the remainder when 2^{100} is divided by 101.", "What is 9 times 9?"),
    ("Give a legal analysis of this non-compete clause for both sides.", "Write a thank-you note."),
    ("Write a statistical analysis plan for a trial with missing data.", "Make a packing list for the beach."),
    ("Prove that e is transcendental.", "What is the value of e?"),
    ("Beweise, dass √7 irrational ist.", "Was ist die Hauptstadt von Norwegen?"),
    ("Demuestra que hay infinitos números primos.", "¿Cuál es la capital de Noruega?"),
    ("Докажи, что простых чисел бесконечно много.", "Какая столица Норвегии?"),
    ("设计一个分布式支付系统，并说明一致性。", "今天天气怎么样？"),
    ("分散データベースの整合性を証明してください。", "おはようございます"),
    (f"Refactor this into layers and prove that nothing changes:\n{CODE_TO_REFACTOR}", "hey"),
]
"""The first is harder than the second."""


@pytest.mark.parametrize("text", TRIVIAL)
def test_small_talk_is_trivial(text: str) -> None:
    assert difficulty_of(text) < -2


@pytest.mark.parametrize("text", EVERYDAY)
def test_everyday_requests_lie_between(text: str) -> None:
    assert -3 < difficulty_of(text) < 0


@pytest.mark.parametrize("text", DEMANDING)
def test_proofs_designs_and_analyses_are_hard(text: str) -> None:
    assert difficulty_of(text) > 0


def test_the_design_of_a_ledger_is_harder_than_most() -> None:
    assert difficulty_of(LEDGER) > 0.5


@pytest.mark.parametrize(("harder", "easier"), PAIRS)
def test_the_harder_one_of_two_prompts_is_known(harder: str, easier: str) -> None:
    assert difficulty_of(harder) > difficulty_of(easier)


FOLLOW_UPS = [
    *(("why?", THEOREM), ("and now prove it", THEOREM), ("Continue", THEOREM), ("Continue", LEDGER)),
    *(("go on", LEDGER), ("What happens to it after a crash?", LEDGER), ("Now in Rust", LEDGER)),
    *(("And if two clients do that at once?", LEDGER), ("I don't understand that step", THEOREM)),
    *(("¿por qué?", THEOREM), ("warum?", THEOREM), ("为什么？", THEOREM), ("続けて", LEDGER), ("pourquoi ?", LEDGER)),
    *(("yes", THEOREM), ("Yes please!", LEDGER), ("sure", THEOREM), ("another", THEOREM), ("proceed", LEDGER)),
    *(("2", LEDGER), ("b", THEOREM), ("option b", LEDGER), ("not quite", THEOREM), ("да", THEOREM), ("はい", LEDGER)),
    *(("продолжай", THEOREM), ("oui", LEDGER), ("是的", THEOREM)),
]


def asked(*questions: str) -> float:
    """The difficulty of the last of some questions, each of which but the last was answered."""
    turns = [turn for text in questions[:-1] for turn in (Turn("user", text), Turn("assistant", "Well."))]
    return features_of(Request(turns=tuple(turns), prompt=questions[-1])).difficulty


@pytest.mark.parametrize(("text", "before"), FOLLOW_UPS)
def test_a_follow_up_is_about_as_hard_as_what_it_follows(text: str, before: str) -> None:
    assert asked(before, text) > asked(CAPITAL, text)
    assert asked(before, text) > asked(before) - 1
    assert asked(before, "thanks!", text) > asked(before) - 1.5


@pytest.mark.parametrize("text", ["thanks!", "ok cool", "good night", "👍", "谢谢", "merci", "hello", "haha"])
def test_small_talk_stays_small_talk_after_a_hard_question(text: str) -> None:
    assert asked(LEDGER, text) == asked(text) < -2


@pytest.mark.parametrize(
    "text", [CAPITAL, GRADE_SCHOOL, "Give me a recipe for lentil soup.", "Write a poem about rain in the mountains."]
)
def test_a_question_that_stands_by_itself_is_judged_by_itself(text: str) -> None:
    assert asked(LEDGER, text) == asked(text)


def test_changing_the_form_of_an_answer_is_easier_than_finding_it() -> None:
    assert asked(THEOREM, "why?") > asked(THEOREM, "make it shorter") > asked("make it shorter")


def test_what_was_asked_long_ago_counts_less() -> None:
    other = "Give me a recipe for lentil soup."
    values = [asked(LEDGER, *[other] * number, "continue") for number in range(EARLIER + 1)]
    assert values == sorted(values, reverse=True)
    assert values[EARLIER] == asked(*[other] * EARLIER, "continue")


def test_the_last_turn_is_the_question_if_there_is_no_prompt() -> None:
    turns = (Turn("user", THEOREM), Turn("assistant", "Well."), Turn("user", "why?"))
    assert features_of(Request(turns=turns)).difficulty == asked(THEOREM, "why?")


def test_only_a_few_earlier_questions_are_looked_at() -> None:
    looked: list[str] = []

    def earlier() -> object:
        for number in range(100):
            looked.append(question := f"{number} " * 10_000)
            yield question

    difficulty_in_conversation("why?", earlier())  # type: ignore[arg-type]
    assert len(looked) == EARLIER
    assert EARLIER * EARLIER_LENGTH <= LOOKED_AT


SHAPES = {
    text: text * 4000
    for text in (
        *("_", "1 + 1 + ", "1 ", "=1+1 ", "1+1\n", "漢字", "かな", "é", "😀", "(", "a(", "[", "?", "::", "</a", "$a"),
        *(
            "\"'",
            "class ",
            "class. (",
            "var ",
            "write ",
            "trade-",
            "\n",
            "A. ",
            "(A) x\n",
            " ",
            "a b ",
            "\ud800",
            "\x00",
        ),
    )
}
SHAPES |= {
    "other signs": "".join(map(chr, range(0x2500, 0x3500))),
    "other words": " ".join(map(chr, range(0x4E00, 0x5600))),
    "other letters": " ".join(map(chr, range(0x100, 0x900))),
    "other numbers": " ".join(map(str, range(2000))),
    "no text": "",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_work_for_a_text_is_bounded_whatever_it_holds(shape: str) -> None:
    found = hash_text(SHAPES[shape])
    # A word has at most three places: its own, one with its neighbour, one of short texts.
    assert len(found.places) <= 2 * WORDS
    assert found == hash_text(SHAPES[shape][:LOOKED_AT] + SHAPES[shape][-LOOKED_AT:])
    assert -6 < difficulty_of(SHAPES[shape]) < 6


def test_a_text_does_not_grow_by_small_letters() -> None:
    everything = "".join(map(chr, range(0x11_0000)))
    assert len(lower(everything)) == len(everything)
    # `str.lower` makes two characters of one letter, and a word of each.
    assert len("İ".lower()) == 2
    assert hash_text("İ" * 4000) == hash_text("i" * 4000)._replace(counts=hash_text("İ" * 4000).counts)
    assert difficulty_of("İyi geceler") == pytest.approx(difficulty_of("Iyi geceler"), abs=0.5)


def test_the_slowest_letter_takes_no_longer_than_others() -> None:
    def seconds(text: str) -> float:
        request, spent = Request(prompt=text), []
        for _ in range(20):
            begun = time.process_time()
            features_of(request)
            spent.append(time.process_time() - begun)
        return min(spent)

    seconds("warm")
    # No text holds more words than one in which every other character is one.
    assert seconds("İ" * 4000) < seconds("ж " * 2000)


def test_both_ends_of_a_long_text_count() -> None:
    filler = "and so on " * 10_000
    plain = difficulty_of(filler)
    assert difficulty_of(LEDGER + filler) > plain
    assert difficulty_of(filler + LEDGER) > plain


def test_a_question_without_words_is_an_average_one() -> None:
    assert difficulty_of("") == difficulty_of(" \n") == 0.0


def test_the_table_is_small_and_read_with_the_first_question() -> None:
    assert len(Path(scorer.__file__).with_name("difficulty.bin").read_bytes()) <= 64 * 1024


def test_plug_ins_get_the_difficulty_from_0_to_1() -> None:
    assert [PromptFeatures(difficulty=value).hard for value in (-9.0, -4.0, -0.5, 3.0, 9.0)] == [0, 0, 0.5, 1, 1]
    assert "hard" in features_of(Request(prompt=LEDGER)).summary()
    assert "easy" in features_of(Request(prompt="hello")).summary()
