from pathlib import Path

import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels.label_files import label_source, labels_from, read_labels
from stzsar.runtime.labels.labels import Label

REAL_LABELS = Path(__file__).parents[4] / "shared" / "labels"

A, B = Label("archery"), Label("bowling")
WITH_BOW = Label("archery", attributes=("bow", "arrow"))

LINES = [
    "archery\nbowling",
    "\ufeffarchery\r\nbowling\r\n",
    "- archery\n- bowling\n",
    "* archery\n\n* bowling\n",
    "•archery\n• bowling\n",
    "- [ ] archery\n- [x] bowling\n",
    "1. archery\n2. bowling\n",
    "1) archery\n2) bowling\n",
    "(1) archery\n(2) bowling\n",
    "0: archery\n1: bowling\n",
    "0 archery\n1 bowling\n",
    "1 archery\n2 bowling\n",
    "archery 0\nbowling 1\n",
    "0\tarchery\n1\tbowling\n",
    "archery\t0\nbowling\t1\n",
    "0,archery\n1,bowling\n",
    "archery,0\nbowling,1\n",
    "archery, 0\nbowling, 1\n",
    "archery;0\nbowling;1\n",
    "archery,\nbowling,\n",
    '"archery",\n"bowling"\n',
    "'archery',\n'bowling'",
    "“archery”\n„bowling“\n",
    "  - 'archery',\n  - 'bowling',\n",
    "# mine\narchery  # the hall\n#\nbowling\n",
    "labels\narchery\nbowling\n",
    "Class Name\narchery\nbowling\n",
    "id,name\n0,archery\n1,bowling\n",
    "id, name\n0, archery\n1, bowling\n",
    '["archery", "bowling"]',
]
CSV = [
    "archery\nbowling\n",
    "archery,\nbowling,,\n",
    "name\narchery\nbowling\n",
    "# mine\r\narchery\r\n\r\nbowling\r\n",
    "\ufeffLabel_ID,Label Name\r\n1,archery\r\n2,bowling\r\n",
    "label,name\n0,archery\n1,bowling\n",
    "name,id\narchery,7\nbowling,3\n",
    "archery,7\nbowling,3\n",
    "label;attributes\narchery;\nbowling;\n",
    "sentence_id\n".replace("sentence_id", "text") + "archery\nbowling\n",
]
YAML = [
    "- archery\n- bowling\n",
    "# mine\n- 'archery'\n- \"bowling\"\n",
    "[archery, bowling,]",
    "labels:\n  - archery\n  - bowling\n",
    "names:\n  0: archery\n  1: bowling\n",
    "archery:\nbowling: ~\n",
    "archery: 0\nbowling: 1\n",
    "- label: archery\n- label: bowling\n",
]
JSON = [
    '["archery", "bowling"]',
    '{"archery": [], "bowling": null}',
    '{"0": "archery", "1": "bowling"}',
    '{"archery": 0, "bowling": 1}',
    '{"labels": ["archery", "bowling"]}',
    '[{"label": "archery"}, {"label": "bowling"}]',
    '[{"id": 0, "name": "archery"}, {"label": 1, "name": "bowling"}]',
]


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("labels.txt", content) for content in LINES),
        *(("labels", content) for content in LINES[:3]),
        *(("labels.csv", content) for content in CSV),
        ("labels.tsv", "label\tattributes\narchery\t\nbowling\n"),
        ("labels.tsv", "archery\t0\nbowling\t1\n"),
        *(("labels.yaml", content) for content in YAML),
        ("labels.YML", YAML[0]),
        *(("labels.json", content) for content in JSON),
        ("labels.txt", JSON[1]),
    ],
)
def test_every_usual_form_of_two_labels_is_those_two_labels(tmp_path, name, content):
    assert read_labels(written(tmp_path, name, content)) == (A, B)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'label,attributes\narchery,"bow, arrow"\n'),
        ("a.csv", "label,attributes\narchery,bow;arrow\n"),
        ("a.csv", "label,attributes\narchery,bow|arrow\n"),
        ("a.csv", "label,attributes\narchery,bow,arrow\n"),
        ("a.csv", "Label;Attributes\narchery;bow, arrow\n"),
        ("a.csv", "label,attribute_1,attribute_2\narchery,bow,arrow\n"),
        ("a.txt", "label,attributes\narchery,bow;arrow\n"),
        ("a.tsv", "label\tattributes\narchery\tbow, arrow\n"),
        ("a.yaml", "archery: [bow, arrow]"),
        ("a.yaml", "archery:\n  - bow\n  - arrow\n"),
        ("a.yaml", "- archery: [bow, arrow]"),
        ("a.yaml", "- label: archery\n  attributes: [bow, arrow]\n"),
        ("a.json", '{"archery": ["bow", "arrow"]}'),
        ("a.json", '{"archery": {"attributes": ["bow", "arrow"]}}'),
        ("a.json", '[{"archery": ["bow", "arrow"]}]'),
    ],
)
def test_attributes_are_read_from_every_form_that_has_them(tmp_path, name, content):
    assert read_labels(written(tmp_path, name, content)) == (WITH_BOW,)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "name,prompt\narchery,a person shooting\n"),
        ("a.csv", "label,text,attributes\narchery,a person shooting,\n"),
        ("a.yaml", "archery: {text: a person shooting}"),
        ("a.json", '[{"label": "archery", "prompt": "a person shooting"}]'),
    ],
)
def test_a_text_is_embedded_for_the_name(tmp_path, name, content):
    assert read_labels(written(tmp_path, name, content)) == (Label("archery", "a person shooting"),)


@pytest.mark.parametrize(
    "content",
    [
        "archery, with a bow\nbowling",
        "10,000 metres\n",
        "1 finger\n2 fingers\n3 fingers",
        "2 people fighting\n2 people dancing",
        "2 people fighting\nrunning",
        "take 1\ntake 2",
        "[Something] falling\n[Something] rising",
        "C\nC++",
        "swing (bat)\nswing (seat)",
        "don't move\nwave",
        "12th man\n3d print",
    ],
)
def test_words_that_only_look_like_a_list_are_labels(tmp_path, content):
    found = read_labels(written(tmp_path, "labels.txt", content))

    assert [label.name for label in found] == content.strip().split("\n")


@pytest.mark.parametrize("quoted", ["archery: bow", "17 archery", "- archery", "a, b", "a=b"])
def test_quotes_make_a_line_one_label(tmp_path, quoted):
    found = read_labels(written(tmp_path, "labels.txt", f'"{quoted}"\n"{quoted}!"\n'))

    assert [label.name for label in found] == [quoted, f"{quoted}!"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "archery,bow\nbowling,ball\n", "line 1, 'archery,bow', has 2 cells, and no line"),
        ("a.txt", "archery, bow\nbowling, ball\n", "line 1, 'archery, bow', has a comma, like"),
        ("a.txt", "archery, waving, running\n", "line 1, 'archery, waving, running', has a comma"),
        ("a.txt", "archery;bow\n", "line 1, 'archery;bow', has 2 cells"),
        ("a.txt", "archery\tbow\n", r"line 1, 'archery\\tbow', has 2 cells"),
        ("a.txt", "archery: bow\n", "line 1, 'archery: bow', has a colon: name the file .yaml"),
        ("a.txt", "Actions:\n- archery\n", "line 1, 'Actions:', has no bullet, and other lines"),
        ("a.txt", "- archery\n  - bow\n", "line 2, '- bow', is indented below another label"),
        ("a.txt", "1. archery\nbowling\n", "line 2, 'bowling', has no number, and other lines"),
        ("a.txt", "17 archery\n35 bowling\n", "line 1, '17 archery', has a number, like every"),
        ("a.txt", "walk 0\nrun 0\n", "line 1, 'walk 0', has a number, like every"),
        ("a.txt", "archery = 0\n", "line 1, 'archery = 0', has a sign of a table or of code"),
        ("a.txt", "| archery | bow |\n", "line 1, .* has a sign of a table or of code"),
        ("a.txt", "-archery\n", "line 1, '-archery', has a sign that no label has at its start"),
        ("a.txt", 'bowling\n"archery\n', "line 2, '\"archery', has a quote on one side only"),
        ("a.txt", "run/a.mp4 3\nwalk/b.mp4 3\n", "line 1, 'run/a.mp4 3', has a number"),
        ("a.txt", "run/a.avi\nwalk/b.avi\n", "line 1 has 'run/a.avi', which is a clip"),
        ("a.txt", "['archery', 'bowling']", "line 1 is not JSON .*column 2"),
        ("a.csv", "path,label\na.mp4,archery\n", "line 1 has a column 'path', which is none of"),
        ("a.csv", "0,archery,bow\n", "line 1, '0,archery,bow', has 3 cells, and no line above"),
        ("a.csv", "archery\nb,c\n", "line 2, 'b,c', is not one name: put quotes"),
        ("a.csv", "id,name\nx,bowling\n", "line 2, 'x,bowling', is not a number and a name"),
        ("a.csv", "id,name\n0,arguing, loudly\n", "line 2, .* is not of 2 cells: put quotes"),
        ("a.csv", "0,archery\nx,bowling\n", "line 2, 'x,bowling', is not a number and a name"),
        ("a.csv", "label,class\na,b\n", "line 1 has the columns 'label' and 'class', of which"),
        ("a.csv", "label,attributes\na,\"['b']\"\n", "line 2, .* has brackets in a cell"),
        ("a.csv", '"unclosed\n', "line 1 is not a row of a CSV"),
        ("a.csv", "id,name\n", "holds no labels"),
        ("a.csv", "id,name\n0,\n", "line 2: A label is empty or shows nothing"),
        ("a.csv", "id,name\n0,YoYo\n1,yo yo\n", "'YoYo' and 'yo yo', which are the same name"),
        ("a.csv", "name\n0\n1\n", "its labels are numbers"),
        ("a.yaml", "archery\nbowling\n", "line 1 and the lines below it are one text"),
        ("a.yaml", "- archery\n - bowling\n", "line 1 and the lines below it are one text"),
        ("a.yaml", "archery: bow\n", "item 1, .*may be a text or an attribute"),
        ("a.yaml", "a: &x [b]\nc: *x\n", r"line 2 refers to \*x: write it out"),
        ("a.yaml", "a: 1\na: 2\n", "line 2 has 'a' again"),
        ("a.yaml", "- !!python/object:os.system a\n", "line 1 has a tag"),
        ("a.yaml", "- a\n---\n- b\n", "line 2 begins a second document"),
        ("a.yaml", "- a\n-\n", "item 2, None, is not a label"),
        ("a.yaml", "- [a]\n", "item 1, .* is not a label"),
        ("a.yaml", "names: [a]\npath: x\n", "it has 'names' beside 'path'"),
        ("a.yaml", "a: [b\n", "line 2 is not YAML"),
        ("a.yaml", "[" * 1000, "is nested too deeply|is not YAML"),
        ("a.yaml", "- \x01\n", "is not YAML"),
        ("a.json", "{", "line 1 is not JSON"),
        ("a.json", "{}x", "line 1 is not JSON"),
        ("a.json", '["a",]', "line 1 is not JSON"),
        ("a.JSON", '[\n{"label": "a"}', "line 2 is not JSON"),
        ("a.txt", '[{"label": "a"}', "line 1 is not JSON"),
        ("a.json", '[{"attributes": []}]', "item 1, 'attributes', is not a label"),
        ("a.json", '[{"label": 1}]', "item 1, .* has no label"),
        ("a.json", '[{"label": "a", "attributes": "b"}]', "item 1 has the attributes 'b', which"),
        (
            "a.json",
            '[{"label": "a", "attributes": [1]}]',
            r"item 1 has the attributes \[1\], which",
        ),
        ("a.json", '{"label": "a", "text": "b"}', "it is the row of one label"),
        ("a.json", '[{"label": "a", "name": "b"}]', "item 1, .* says twice what its label is"),
        ("a.json", '{"a": "b"}', "item 1, .*may be a text or an attribute"),
        ("a.json", '{"a": ["b"], "a": ["c"]}', "it has 'a' twice"),
        ("a.json", "[[]]", r"item 1, \[\], is not a label"),
        ("a.json", "[null]", "item 1, None, is not a label"),
        ("a.json", "[1, 2]", "item 1, 1, is not a label"),
        ("a.json", "3", "3 is not a list of labels"),
        ("a.json", "1" + "0" * 5000, "is not of the form|is not a list of labels"),
        (
            "a.json",
            '[{"label": "a", "attributs": ["b"]}]',
            "has a field 'attributs', which is none",
        ),
        ("a.json", "[" * 10**5, "not of the form"),
        ("a.json", "[" + "[]," * 10**6, "more than 1,000,000 brackets"),
    ],
)
def test_what_may_be_something_else_is_refused_by_its_place(tmp_path, name, content, message):
    path = written(tmp_path, name, content)

    with pytest.raises(LabelError, match=rf"{path.name}:? .*(?:{message})") as refusal:
        read_labels(path)
    assert len(str(refusal.value)) < 600


def test_yaml_that_unfolds_to_gigabytes_is_refused_unread(tmp_path):
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    with pytest.raises(LabelError, match=r"line 2 refers to \*a"):
        read_labels(written(tmp_path, "a.yaml", "\n".join(lines)))
    with pytest.raises(LabelError, match="more than 4 MiB"):
        read_labels(written(tmp_path, "a.yaml", "- archery of a kind\n" * 250_000))
    with pytest.raises(LabelError, match="more than 1,000,000 parts"):
        read_labels(written(tmp_path, "a.yaml", "- a\n" * 1_010_000))


@pytest.mark.skipif(not REAL_LABELS.exists(), reason="no label files in ../shared/labels")
def test_the_class_files_of_data_sets_are_labels_and_their_clip_lists_are_not():
    counts, refused = {}, set()
    for path in sorted(p for p in REAL_LABELS.rglob("*") if p.suffix in (".csv", ".txt", ".json")):
        try:
            counts[path.name] = len(read_labels(path))
        except LabelError:
            refused.add(path.name)

    assert counts.pop("class_names.csv") in (51, 101)
    assert counts == {
        "classInd.txt": 101, "ssv2_labels.csv": 174, "k600_openset_openvclip.json": 232,
        "ucf_101_base_labels.csv": 51, "ucf_101_novel_labels.csv": 50,
        "hmdb_51_base_labels.csv": 26, "hmdb_51_novel_labels.csv": 25,
        "kinetics_400_base_labels.csv": 200, "kinetics_400_novel_labels.csv": 200,
        "kinetics400_classes.csv": 400, "kinetics600_classes.csv": 600,
        "k600_220_never_in_a_split_3.txt": 3, "k600_not_in_k400_220.txt": 220,
        "k600_renamed_from_k400_12.txt": 12,
        **{f"k600_zs160_split{number}.csv": 160 for number in (1, 2, 3)},
    }  # fmt: skip
    assert {"trainlist01.txt", "testlist01.txt", "train_split1.txt", "test_split2.txt",
            "kinetics-400_val.csv", "k600_zs160_split1_videos_bike.txt", "SOURCES.csv",
            "er_zsl220_tst_class_idxs.json"} <= refused  # fmt: skip


@pytest.mark.parametrize(
    "value",
    [
        "archery,bowling",
        "archery, bowling",
        '"archery", bowling,',
        ["archery", "bowling"],
        ("archery", B),
        iter(["archery", "bowling"]),
        {"archery": [], "bowling": None},
        [{"label": "archery"}, "bowling"],
    ],
)
def test_labels_come_from_words_lists_and_dicts(value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert labels_from(value) == (A, B)


def test_one_label_has_its_comma_behind_it():
    assert labels_from("archery,") == (A,)


def test_a_file_is_looked_for_in_a_folder(tmp_path):
    written(tmp_path, "mine", "running\n")

    assert label_source("mine", folder=tmp_path) == tmp_path / "mine"
    assert label_source(Path("gone.txt"), folder=tmp_path) == tmp_path / "gone.txt"
    assert label_source("archery,bowling", folder=tmp_path) == (A, B)


def test_a_file_that_exists_wins_over_words(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    written(tmp_path, "archery,bowling", "waving\n")
    written(tmp_path, "archery", "running\n")

    assert labels_from("archery,bowling") == (Label("waving"),)
    assert labels_from("archery") == labels_from(Path("archery")) == (Label("running"),)
    assert label_source("archery") == Path("archery")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("labls.txt", r"Cannot read the labels labls\.txt \(No such file"),
        ("labels/mine", r"Cannot read the labels labels/mine \(No such file"),
        (Path("archery"), r"Cannot read the labels archery \(No such file"),
        ("archery", "There is no file 'archery' for the labels: .* has its comma behind it"),
        ("", "There is no file ''"),
        ('"archery,bowling', "a quote without its other half"),
        ("archery,archery", "names 'archery' twice"),
        ("a,b\0", "control character"),
        ("\0", "There is no file"),
        ([], "No labels were given"),
        (["archery", 3], "item 2, 3, is not a label"),
        ([None], "item 1, None, is not a label"),
        ({"archery": "bow"}, "may be a text or an attribute"),
        ({1: ["bow"]}, "item 1, 1, is not a label"),
        (3, "3 is not labels: give a list of names"),
        (b"archery", "is not labels: give a list"),
    ],
)
def test_what_is_no_labels_is_refused_with_what_was_seen(value, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(LabelError, match=message):
        labels_from(value)
