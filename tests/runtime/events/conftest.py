"""A keeper that a test drives, closed behind it."""

import pytest

from stzsar.runtime.events.keeper import EventKeeper

from .driven import PLAN


@pytest.fixture
def open_keeper(tmp_path):
    keepers = []

    def opened(plan=PLAN, path=tmp_path / "events", **more):
        keepers.append(EventKeeper(path, addresses={"hall": "0"}, bundle="b", plan=plan, **more))
        return keepers[-1]

    yield opened
    for keeper in keepers:
        keeper.close(5)
