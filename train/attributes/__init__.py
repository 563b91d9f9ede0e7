"""Description attributes for anybody's labels: from text, through a language model, to a bank."""
