"""Description attributes for any labels: text, language model, rules, bank; no torch."""
