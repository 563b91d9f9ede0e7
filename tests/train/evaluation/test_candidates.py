"""Which labels compete, and where their attributes come from."""

from stzsar.runtime.labels.labels import Label
from stzsar.train.lists.class_labels import add_seen, described, labels_of_model

KNOWN = (Label("Yo-Yo", "playing with a yo-yo", ("string", "spool")), Label("archery"))


def test_a_class_that_the_model_knows_has_its_text_and_attributes():
    assert labels_of_model(("hula hoop", "yo yo"), KNOWN) == (Label("hula hoop"), KNOWN[0])


def test_training_classes_join_once_and_bring_what_the_model_means_by_them():
    tested = (Label("hula hoop"), Label("archery"))
    own = Label("juggling", attributes=("balls",))
    labels, rows = add_seen(tested, (Label("Archery"), Label("yo yo"), own), KNOWN)
    assert labels == (*tested, KNOWN[0], own)
    assert rows == (1, 2, 3)


def test_a_name_alone_means_what_the_model_means_by_it_and_others_get_what_ships():
    own = Label("ARCHERY", attributes=("a bow",))
    wanted = (Label("YoYo"), own, Label("hula hoop"), Label("my own"))

    found = described(wanted, KNOWN)

    assert found[0] == Label("YoYo", "playing with a yo-yo", ("string", "spool"))
    assert found[1] == own
    assert len(found[2].attributes) == 8
    assert found[3] == Label("my own")


def test_the_text_of_a_label_finds_no_other_label_of_that_name():
    wanted = (Label("yo yo", "swinging a yo-yo"),)
    assert described(wanted, KNOWN) == wanted
