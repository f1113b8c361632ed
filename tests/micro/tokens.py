"""The micro SeamlessM4T's tokenizer: SentencePiece's BPE of the phrases, in a real one's files."""

import io
import json
from pathlib import Path

import sentencepiece
from transformers import SeamlessM4TTokenizer

from tests.micro.phrases import CODES, PHRASES, written


def train(folder: Path) -> SeamlessM4TTokenizer:
    """Writes the tokenizer's files into `folder`, and loads it from there."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([way for p in PHRASES for text in p for way in written(text)]),
        model_writer=model,
        model_type="bpe",
        vocab_size=320,
        character_coverage=1.0,
        normalization_rule_name="identity",
        unk_id=0,
        bos_id=1,
        eos_id=2,
        pad_id=-1,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    (folder / "tokenizer_config.json").write_text(json.dumps(_CONFIG))
    tokenizer: SeamlessM4TTokenizer = SeamlessM4TTokenizer.from_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tokenizer


def language_ids(tokenizer: SeamlessM4TTokenizer) -> dict[str, int]:
    """The token of each language, as generation_config.json has it."""
    vocabulary = tokenizer.get_vocab()
    return {code: vocabulary[f"__{code}__"] for code in CODES.values()}


_CONFIG = {
    "processor_class": "SeamlessM4TProcessor",
    "tokenizer_class": "SeamlessM4TTokenizer",
    "src_lang": CODES["en"],
    "tgt_lang": CODES["fr"],
    "additional_special_tokens": [f"__{code}__" for code in CODES.values()],
}
