"""Labels as people type them into one field, see `label_text`."""

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.label_text import read_label_text


@pytest.mark.parametrize("sign", ["", " =", " :", '"', " #"])
def test_a_long_line_of_spaces_is_read_at_once(sign):
    """What looks at each space from each space before it would take hours."""
    with pytest.raises(LabelError):
        read_label_text("a" + " " * 1_000_000 + sign + "b")
