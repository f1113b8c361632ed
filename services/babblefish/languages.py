"""Language codes: whatever people write, one short code inside."""

import langcodes
from langcodes.tag_parser import LanguageTagError

# One macrolanguage (ISO 639-3) that langcodes leaves in two: who picks Norwegian means either.
_NORWEGIAN = {"nb": "no", "nn": "no"}


class UnknownLanguage(ValueError):
    """Not a language code at all."""


def normalise(code: str) -> str:
    """ISO 639-1, 639-3, BCP-47 or Flores (`eng_Latn`) as ISO 639-1, else 639-3.

    Raises `UnknownLanguage` for what is none of them.
    """
    try:
        tag = langcodes.standardize_tag(code.strip(), macro=True)
        language = langcodes.Language.get(tag).language
    except LanguageTagError:
        language = None
    if not language or language == "und":
        raise UnknownLanguage(f"{code[:32]!r} is not a language code")
    return _NORWEGIAN.get(language, language)
