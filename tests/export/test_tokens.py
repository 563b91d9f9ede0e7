"""Token ids on the device against open_clip's own tokenizer."""

import random
import unicodedata
from functools import partial

import pytest
from open_clip import tokenizer as reference

from stzsar.models.tokenizer import CLIP_VOCABULARY, build_tokenizer
from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.labels.shipped import default_labels
from stzsar.runtime.text.clip_tokenizer import ClipTokenizer
from stzsar.runtime.text.encoder import TextEncoder

CONTEXT = 77
PIECES = [
    *(label.name for label in default_labels()),
    *("", " ", "\u00a0", "\u3000", "…", "don't", "it's", "we've", "I'm", "''s", "12,345.678"),
    *("naïve", "Íjászat", "Ångström", "e\u0301a\u0300", "ÅÄÖ", "İstanbul"),
    *("ΣΊΣΥΦΟΣ", "straße", "ﬁne", "ᾠδή"),
    *("射箭", "カヌー", "태권도", "Плавание", "رقص", "ריקוד", "นวดไทย", "नृत्य", "Ｗｉｄｅ"),
    *("🏹", "👩🏽\u200d🚀", "🇭🇺", "❤️", "🤸\u200d♂️", "1️⃣"),
    *("&amp;", "&amp;lt;b&amp;gt;", "&eacute;", "&#128512;", "“curly”", "‘single’", "–—", "¿qué?"),
    *("dÃ©jÃ  vu", "schÃ¶n", "â€œquotedâ€\u009d", "\ufeffmark", "soft\u00adhyphen"),
    *("a/b\\c", "zero\u200bwidth"),
    *("!!!", "#@$%^*", "___", "<b>", "--", "\t", "x" * 300, "é" * 300, "🏹" * 100),
]  # fmt: skip

# Those that the Unicode of Python 3.10 knows: newer ones split by the version of each library.
CHARACTERS = [c for c in map(chr, range(32, 0x3000)) if unicodedata.category(c) not in ("Cn", "Cs")]


def strings(count: int) -> list[str]:
    """Random lines of words of many scripts, some of them long or empty, and random characters."""
    rng = random.Random(0)
    made = ["", " ", "word " * 2000, "x" * 5000]
    while len(made) < count:
        if rng.random() < 0.8:
            line = rng.choice(["", " ", ", "]).join(rng.choices(PIECES, k=rng.randint(1, 8)))
        else:
            line = "".join(rng.choices(CHARACTERS, k=rng.randint(1, 30)))
        made.append(rng.choice([str, str.upper, str.title])(line))
    return made


@pytest.fixture(scope="module")
def encoder(tmp_path_factory, exported):
    """The runtime's encoder, of a bundle with the whole of CLIP's vocabulary in its tokenizer."""
    folder, _ = exported(interaction="product", temporal=True)
    opened = Bundle.open(folder)
    found = TextEncoder(opened)
    tokenizer = ClipTokenizer.parse(build_tokenizer(CLIP_VOCABULARY, CONTEXT).to_str())
    assert tokenizer
    found._encode = partial(tokenizer.encode, length=CONTEXT + 1)
    found._context_length = CONTEXT
    return found


def test_ten_thousand_strings_have_the_token_ids_of_open_clip(encoder):
    texts = strings(10_000)
    prompts = [f"This is a video about {text}." for text in texts]

    ours = encoder.tokens(texts).rows

    theirs = reference.tokenize(prompts, CONTEXT).numpy()
    differ = [prompts[row] for row in (ours != theirs).any(1).nonzero()[0]]
    assert not differ, f"{len(differ)} differ, such as {differ[:5]!r}"
