"""The door and the line: tokens, and a run that goes away and comes back."""

import pytest

pytestmark = pytest.mark.live
TOKEN, VIEWER = "a-token-of-some-length", "another-one-for-looking"


@pytest.fixture(scope="module")
def guarded(start_run, bundle, cameras, tmp_path_factory):
    """A run that asks for a token."""
    file = tmp_path_factory.mktemp("door") / "tokens"
    file.write_text(f"{TOKEN}\n{VIEWER}\n")
    run = start_run(
        *("--bundle", bundle, "--source", cameras["hall"].address, "--serve-token", file)
    )
    run.tokens = file
    yield run
    run.stop()


def test_the_door_opens_for_the_token_alone(guarded, make_viewer):
    viewer = make_viewer(guarded.address)
    page = viewer.go()
    viewer.shoot("the door")
    page.get_by_label("Token").fill("wrong-wrong-wrong-wrong")
    page.get_by_role("button", name="Enter").click()
    page.get_by_text("This is not the token").wait_for()
    viewer.expect_refusal()
    viewer.shoot("a wrong token")
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Enter").click()
    page.wait_for_selector(".scores li")
    assert page.get_by_role("switch", name="Armed").is_enabled()


def test_a_link_with_a_token_opens_and_is_forgotten(guarded, make_viewer):
    viewer = make_viewer(guarded.address)
    page = viewer.go(f"#token={VIEWER}")
    page.wait_for_selector(".scores li")

    assert VIEWER not in page.url
    assert page.get_by_role("switch", name="Armed").is_disabled()
    page.get_by_role("tab", name="Labels").click()
    page.get_by_text("This login can look, not change.").first.wait_for()


def test_a_run_that_went_away_is_waited_for(guarded, make_viewer):
    viewer = make_viewer(guarded.address)
    page = viewer.go(f"#token={TOKEN}")
    page.wait_for_selector(".scores li")
    guarded.stop()
    page.get_by_text("The run has ended").wait_for()
    viewer.shoot("the run has ended")
    guarded.start()
    page.get_by_role("button", name="Try now").click()
    # A new process knows none of the cookies of the one before.
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Enter").click()
    page.wait_for_selector(".scores li")
    viewer.expect_refusal()


def test_a_run_with_another_token_asks_for_it(guarded, make_viewer):
    viewer = make_viewer(guarded.address)
    viewer.expect_refusal()
    page = viewer.go(f"#token={TOKEN}")
    page.wait_for_selector(".scores li")
    guarded.stop()
    guarded.tokens.write_text("quite-another-token-now\n")
    guarded.start()
    page.get_by_text("The token is not valid any more.").wait_for()
    page.get_by_label("Token").fill("quite-another-token-now")
    page.get_by_role("button", name="Enter").click()
    page.wait_for_selector(".scores li")
