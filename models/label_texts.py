"""Labels to embeddings: prompts, tokens and the bank.

Each distinct string is encoded once, in its own prompts, however many classes share it.
"""

import logging
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..runtime.labels.bank import LabelBank
from ..runtime.labels.cut import cut_warning
from ..runtime.labels.labels import Label
from .config import ModelConfig
from .interaction import Bank
from .stzsar import STZSAR
from .tokenizer import is_cut, tokenize
from .tokenizer_file import tokenizer_of

log = logging.getLogger(__name__)


class LabelTexts:
    """The tokens of C labels, int64 [S, K, L], for each distinct string in each of K prompts."""

    def __init__(
        self, labels: Sequence[Label], config: ModelConfig, tokenizer_json: str | None = None
    ) -> None:
        self.labels = tuple(labels)
        strings: dict[str, int] = {}

        def place(text: str) -> int:
            return strings.setdefault(text, len(strings))

        words = max(len(label.attributes) for label in labels)
        self._texts = torch.tensor([place(label.text) for label in labels])
        self._attributes = torch.zeros(len(labels), words, dtype=torch.int64)
        self._mask = torch.zeros(len(labels), words, dtype=torch.bool)
        for row, label in enumerate(labels):
            places = [place(attribute) for attribute in label.attributes]
            self._attributes[row, : len(places)] = torch.tensor(places)
            self._mask[row, : len(places)] = True
        tokenizer = tokenizer_of(config.text, tokenizer_json)
        prompted = [prompt.replace("{}", text) for text in strings for prompt in config.prompts]
        rows = tokenize(tokenizer, prompted)
        self.tokens = rows.unflatten(0, (len(strings), len(config.prompts)))
        cut: dict[str, tuple[int, ...]] = {}
        for number, (sentence, row) in enumerate(zip(prompted, rows, strict=True)):
            if row[-1] and is_cut(tokenizer, sentence):
                text = list(strings)[number // len(config.prompts)]
                cut.setdefault(text, tuple(row.tolist()))
        self._cut_warning = cut_warning(self.labels, cut, config.text.context_length)

    def warn_of_cuts(self) -> None:
        """Warn of labels that are longer than what the network reads."""
        if self._cut_warning:
            log.warning("%s", self._cut_warning)

    def to(self, device: torch.device) -> "LabelTexts":
        self.tokens = self.tokens.to(device)
        self._texts = self._texts.to(device)
        self._attributes = self._attributes.to(device)
        self._mask = self._mask.to(device)
        return self

    def bank(self, network: STZSAR, classes: Tensor) -> Bank:
        """Encode the strings of `classes`, int64 [U], with gradients; return their bank."""
        needed = torch.cat([self._texts[classes], self._attributes[classes].flatten()])
        strings, places = needed.unique(return_inverse=True)
        return self._arrange(_in_all_prompts(network, self.tokens[strings]), places, classes)

    def fixed_bank(self, embeddings: Tensor, classes: Tensor) -> Bank:
        """Return the bank of `classes` from precomputed embeddings [S, D] of all strings."""
        needed = torch.cat([self._texts[classes], self._attributes[classes].flatten()])
        return self._arrange(embeddings, needed, classes)

    @torch.no_grad()
    def embeddings(self, network: STZSAR, *, batch: int = 256) -> Tensor:
        """Return unit embeddings [S, D] of all strings, without gradients."""
        batch = max(1, batch // self.tokens.shape[1])
        return torch.cat([_in_all_prompts(network, rows) for rows in self.tokens.split(batch)])

    def _arrange(self, embeddings: Tensor, places: Tensor, classes: Tensor) -> Bank:
        count = len(classes)
        mask = self._mask[classes]
        attributes = embeddings[places[count:]].view(*mask.shape, -1) * mask.unsqueeze(-1)
        return Bank(embeddings[places[:count]], attributes, mask)


def _in_all_prompts(network: STZSAR, tokens_skl: Tensor) -> Tensor:
    """Return the unit embeddings [S, D] of strings in K prompts, int64 [S, K, L]."""
    strings, prompts, _ = tokens_skl.shape
    embeddings = network.encode_text(tokens_skl.flatten(0, 1))
    if prompts == 1:
        return embeddings
    return F.normalize(embeddings.unflatten(0, (strings, prompts)).mean(1), dim=-1)


def embed_labels(network: STZSAR, labels: Sequence[Label]) -> LabelBank:
    texts = LabelTexts(labels, network.config, network.tokenizer_json)
    texts.warn_of_cuts()
    texts.to(network.head.logit_scale.device)
    everything = torch.arange(len(texts.labels), device=texts.tokens.device)
    bank = texts.fixed_bank(texts.embeddings(network), everything)
    arrays = [value.cpu().numpy() for value in bank]
    return LabelBank(
        texts.labels, arrays[0].astype(np.float32), arrays[1].astype(np.float32), arrays[2]
    )


def to_tensors(bank: LabelBank, device: torch.device | str = "cpu") -> Bank:
    return Bank(*(torch.from_numpy(array).to(device) for array in bank.arrays().values()))
