"""What the micro SeamlessM4T knows: the phrases of a meeting, in three languages."""

from typing import NamedTuple


class Phrase(NamedTuple):
    """The same sentence in each language; the fields are ISO 639-1 codes."""

    en: str
    fr: str
    pl: str


LANGUAGES = Phrase._fields

CODES = {"en": "eng", "fr": "fra", "pl": "pol"}
"""What SeamlessM4T calls them."""

PHRASES = (
    Phrase("Hello, how are you?", "Bonjour, comment allez-vous ?", "Cześć, jak się masz?"),
    Phrase("I am very well, thank you.", "Je vais très bien, merci.", "Bardzo dobrze, dziękuję."),
    Phrase("Nice to meet you.", "Enchanté de vous rencontrer.", "Miło mi was poznać."),
    Phrase("Good morning, everyone.", "Bonjour à tous.", "Dzień dobry wszystkim."),
    Phrase("Can you hear me?", "Est-ce que vous m'entendez ?", "Czy mnie słyszycie?"),
    Phrase("Yes, I can hear you well.", "Oui, je vous entends bien.", "Tak, dobrze was słyszę."),
    Phrase(
        "The meeting starts at nine.",
        "La réunion commence à neuf heures.",
        "Spotkanie zaczyna się o dziewiątej.",
    ),
    Phrase("Shall we begin now?", "Est-ce que nous commençons ?", "Czy możemy zaczynać?"),
    Phrase("I have a question.", "J'ai une question.", "Mam pytanie."),
    Phrase("I agree with you.", "Je suis d'accord avec vous.", "Zgadzam się z wami."),
    Phrase("I do not understand.", "Je ne comprends pas.", "Nie rozumiem."),
    Phrase(
        "Could you repeat that, please?",
        "Pouvez-vous répéter, s'il vous plaît ?",
        "Czy możecie to powtórzyć?",
    ),
    Phrase(
        "Please speak more slowly.",
        "Parlez plus lentement, s'il vous plaît.",
        "Proszę mówić wolniej.",
    ),
    Phrase("That is a good idea.", "C'est une bonne idée.", "To dobry pomysł."),
    Phrase("Where is the train station?", "Où est la gare ?", "Gdzie jest dworzec kolejowy?"),
    Phrase(
        "I would like a coffee, please.",
        "Je voudrais un café, s'il vous plaît.",
        "Poproszę kawę.",
    ),
    Phrase("How much does it cost?", "Combien ça coûte ?", "Ile to kosztuje?"),
    Phrase("What time is it?", "Quelle heure est-il ?", "Która jest godzina?"),
    Phrase(
        "We need more time.",
        "Nous avons besoin de plus de temps.",
        "Potrzebujemy więcej czasu.",
    ),
    Phrase(
        "The project is almost finished.",
        "Le projet est presque terminé.",
        "Projekt jest prawie gotowy.",
    ),
    Phrase(
        "When is the next meeting?",
        "Quand est la prochaine réunion ?",
        "Kiedy jest następne spotkanie?",
    ),
    Phrase(
        "I will send you the report tomorrow.",
        "Je vous enverrai le rapport demain.",
        "Jutro wyślę wam raport.",
    ),
    Phrase("Let us take a short break.", "Faisons une petite pause.", "Zróbmy krótką przerwę."),
    Phrase("Thank you very much.", "Merci beaucoup.", "Dziękuję bardzo."),
    Phrase("See you tomorrow.", "À demain.", "Do zobaczenia jutro."),
    Phrase("Have a good day.", "Bonne journée.", "Miłego dnia."),
)


def written(text: str) -> list[str]:
    """The ways in which people type it."""
    bare = text.rstrip(".?! ")
    return [text, bare, text.lower(), bare.lower()]
