"""Every reader on a miniature of the real layout, faults included."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import parquet

from model.datasets.catalogue import DATASETS, dataset_named
from model.datasets.dataset import Dataset, LayoutError, fold_of, hashed_split
from model.datasets.sample import Malformed, Sample
from model.prompting.questions import default_question
from tests.model.datasets import miniatures


def read(name: str, root: Path, variant: str | None = None) -> tuple[dict[str, Sample], list[str]]:
    """Return the samples by id, and of everything malformed its file's name, line and problem."""
    items = list(dataset_named(name).read(root, variant))
    samples = [item for item in items if isinstance(item, Sample)]
    by_id = {sample.sample_id: sample for sample in samples}
    assert len(by_id) == len(samples)
    bad = [f"{i.file.name}:{i.line}: {i.problem}" for i in items if isinstance(i, Malformed)]
    return by_id, bad


@pytest.mark.parametrize("folder", ["{}(single-labeled)", "{}(single_labeled)"])
def test_dfew(tmp_path: Path, folder: str) -> None:
    miniatures.dfew(tmp_path, folder)
    samples, bad = read("DFEW", tmp_path)
    test = {key: sample for key, sample in samples.items() if sample.split == "test"}
    assert len(test) == 2 * 4 + 1
    assert samples["test/1/00001"].truth == "happiness"
    assert samples["test/1/00006"].truth == "fear"
    assert samples["test/2/00002"].truth == "sadness"
    assert samples["test/3/00003"].truth == "neutral"
    assert samples["test/4/00004"].truth == "anger"
    assert samples["test/5/00010"].truth == "disgust"
    assert samples["test/5/00005"].truth == "surprise"
    assert samples["test/5/00010"].media == tmp_path / "Clip" / "original" / "00010.mp4"
    assert [line.split(":")[1] for line in bad] == ["3", "4", "5", "7", "8"]
    assert "listed a second time" in bad[3]


@pytest.mark.parametrize(("name", "media"), [("00001.mp4", "00001.mp4"), ("00001/1.jpg", "00001")])
def test_dfew_has_clips_of_faces_as_videos_or_as_pictures(tmp_path: Path, name: str, media: str) -> None:
    miniatures.dfew(tmp_path, clips=f"clip_224x224_16f/{name}")
    samples, _ = read("dfew", tmp_path, "clip_224x224_16f")
    assert samples["test/1/00001"].media == tmp_path / "Clip" / "clip_224x224_16f" / media
    assert samples["test/1/00001"].fps == 8
    with pytest.raises(LayoutError, match=r"no Clip/original .*: variant clip_224x224_16f"):
        read("dfew", tmp_path)


def test_dfew_says_which_folds_are_not_there(tmp_path: Path) -> None:
    miniatures.dfew(tmp_path)
    (tmp_path / "EmoLabel_DataSplit" / "test(single-labeled)" / "set_3.csv").unlink()
    _, bad = read("dfew", tmp_path)
    assert any(line.startswith("set_3.csv:None: it is not there") for line in bad)


def test_crema_d_by_its_acted_labels(tmp_path: Path) -> None:
    miniatures.crema_d(tmp_path)
    samples, bad = read("CREMA-D", tmp_path)
    assert {key: sample.truth for key, sample in samples.items()} == {
        "1001_DFA_ANG_XX": "anger",
        "1001_IEO_HAP_LO": "happiness",
        "1091_TIE_SAD_HI": "sadness",
    }
    assert samples["1091_TIE_SAD_HI"].groups == {"level": "high"}
    assert samples["1001_DFA_ANG_XX"].cluster == samples["1001_IEO_HAP_LO"].cluster == "1001"
    assert {line.split(":")[0] for line in bad} == {
        "1040_ITH_SAD_X.flv",
        "1001_DFA_SUR_XX.flv",
        "notes.txt",
    }


def test_crema_d_by_its_perceived_labels(tmp_path: Path) -> None:
    votes = {"1001_IEO_HAP_LO": "A:N", "1091_TIE_SAD_HI": "", "1003_DFA_HAP_XX": "H"}
    for code in ("N", "NEU"):
        miniatures.crema_d(tmp_path, {"1001_DFA_ANG_XX": code, **votes})
        samples, bad = read("crema-d", tmp_path, "perceived")
        # What was voted on is expected, whether its video is there or not.
        assert {key: (one.truth, one.media.exists()) for key, one in samples.items()} == {
            "1001_DFA_ANG_XX": ("neutral", True),
            "1003_DFA_HAP_XX": ("happiness", False),
        }
    assert sorted(line.partition(": ")[0] for line in bad) == [
        "1001_DFA_SUR_XX.flv:None",
        "1002_IEO_NEU_XX.flv:None",  # of a good name, and nobody voted on it
        "1040_ITH_SAD_X.flv:None",
        "notes.txt:None",
        "summaryTable.csv:3",
        "summaryTable.csv:4",
    ]


def test_perceived_labels_need_their_table(tmp_path: Path) -> None:
    miniatures.crema_d(tmp_path)
    with pytest.raises(LayoutError, match=r"no processedResults/summaryTable\.csv"):
        read("crema-d", tmp_path, "perceived")
    with pytest.raises(ValueError, match="no variant 'voice'; choose one of acted, perceived"):
        read("crema-d", tmp_path, "voice")


def test_raf_db(tmp_path: Path) -> None:
    miniatures.raf_db(tmp_path)
    samples, bad = read("RAF-DB", tmp_path)
    assert {key: (sample.truth, sample.split) for key, sample in samples.items()} == {
        "train_00001": ("sadness", "train"),
        "test_0001": ("happiness", "test"),
        "test_0005": ("neutral", "test"),
    }
    assert samples["test_0001"].media == tmp_path / "basic" / "Image" / "aligned" / "test_0001_aligned.jpg"
    assert samples["test_0001"].groups == {"gender": "female", "race": "asian", "age": "70+"}
    assert samples["test_0005"].groups == {}
    assert [line.split(":")[1] for line in bad] == ["3", "4", "5", "6", "7", "7"]
    assert bad[-1].startswith("test_0005_manu_attri.txt:7: race is '9'")


def test_disfa_counts_frames_from_one_and_intensities_from_two(tmp_path: Path) -> None:
    miniatures.disfa(tmp_path)
    samples, bad = read("DISFA", tmp_path)
    assert len(samples) == 4 * 3
    assert not bad
    first, second = samples["SN001/1"], samples["SN001/2"]
    assert (first.frame, second.frame) == (0, 1)
    units = ["AU1", "AU2", "AU4", "AU6", "AU9", "AU12", "AU25", "AU26"]
    assert first.truth == {unit: unit == "AU1" for unit in units}  # AU1 has intensity 2, the others 1
    assert second.truth == dict.fromkeys(units, True)
    assert first.media.name == "LeftVideoSN001_comp.avi"
    miniatures.put(tmp_path / "Video_RightCamera" / "RightVideoSN001_Comp.avi")  # as it is spelt there
    assert read("disfa", tmp_path, "right")[0]["SN001/1"].media.exists()
    folds = {sample.cluster: sample.fold for sample in samples.values()}
    assert folds == {"SN001": 1, "SN002": 2, "SN003": 3, "SN004": 1}


def test_disfa_lists_what_is_wrong(tmp_path: Path) -> None:
    miniatures.disfa(tmp_path, ["SN001"])
    labels = tmp_path / "ActionUnit_Labels" / "SN001"
    (labels / "SN001_au4.txt").write_text("0,1\n1,6\n2\n3,2\n3,0\nx,1\n")
    (labels / "SN001_au9.txt").unlink()
    miniatures.put(tmp_path / "Videos_LeftCamera" / "LeftVideoSN099_comp.avi")
    samples, bad = read("disfa", tmp_path)
    truths = [sample.truth for sample in samples.values()]
    assert [isinstance(t, dict) and (t["AU4"], t["AU9"]) for t in truths] == [
        (None, None),
        (None, None),
        (True, None),
    ]
    assert [line.partition(": ")[0] for line in bad] == [
        "LeftVideoSN099_comp.avi:None",
        *(f"SN001_au4.txt:{line}" for line in (1, 2, 3, 5, 6)),
        "SN001_au9.txt:None",
    ]


def test_bp4d_leaves_what_is_not_coded_open(tmp_path: Path) -> None:
    miniatures.bp4d(tmp_path)
    samples, bad = read("BP4D", tmp_path)
    assert not bad
    assert len(samples) == 9
    coded, open_ = samples["F001/T1/2440"].truth, samples["F001/T1/2441"].truth
    assert isinstance(coded, dict)
    assert isinstance(open_, dict)
    assert len(coded) == 12
    assert [unit for unit, is_present in coded.items() if is_present] == ["AU12"]
    assert open_["AU12"] is None
    assert open_["AU24"] is True
    assert samples["F001/T1/35"].media.name == "0035.jpg"  # numbers in names have leading zeros
    assert {sample.cluster: sample.fold for sample in samples.values()} == {"F001": 1, "F002": 2, "M001": 3}


def test_bp4d_lists_what_is_wrong(tmp_path: Path) -> None:
    miniatures.bp4d(tmp_path, ["F001"])
    coded = tmp_path / "AUCoding" / "AU_OCC"
    units = ",".join(map(str, (1, 2, 4, 6, 7, 10, 12, 14, 15, 17, 23, 24)))
    ones = ",".join("1" * 12)
    (coded / "F001_T1.csv").write_text(f"frame,{units}\n7,{ones[:-1]}5\n7,{ones}\nx,{ones}\n8,1\n")
    (coded / "F001_T2.csv").write_text("7,1,1\n")
    (coded / "notes.csv").write_text("")
    samples, bad = read("bp4d", tmp_path)
    assert set(samples) == {"F001/T1/7", "F001/T1/8"}
    seven = samples["F001/T1/7"].truth
    assert isinstance(seven, dict)
    assert (seven["AU23"], seven["AU24"]) == (True, None)
    starts = [line.partition(": ")[0] for line in bad]
    assert starts == [
        "F001_T1.csv:2",
        "F001_T1.csv:3",
        "F001_T1.csv:4",
        "F001_T1.csv:5",
        "F001_T2.csv:1",
        "notes.csv:None",
    ]


def test_celeba(tmp_path: Path) -> None:
    miniatures.celeba(tmp_path)
    samples, bad = read("CelebA", tmp_path)
    assert {key: sample.split for key, sample in samples.items()} == {
        "000001.jpg": "train",
        "000002.jpg": "val",
        "000003.jpg": "test",
    }
    assert samples["000003.jpg"].truth == dict.fromkeys(DATASETS["celeba"].labels, True)
    assert samples["000001.jpg"].cluster == samples["000003.jpg"].cluster == "person 2880"
    assert samples["000002.jpg"].cluster == "000002.jpg"
    assert "list_attr_celeba.txt:1: it says that there are 202599 pictures, and there are 6" in bad
    assert [line.partition(": ")[0] for line in bad] == [
        "list_eval_partition.txt:6",
        "list_attr_celeba.txt:6",
        "list_attr_celeba.txt:7",
        "list_attr_celeba.txt:8",
        "list_attr_celeba.txt:1",
        "list_eval_partition.txt:None",
    ]


def test_morph_keeps_people_together(tmp_path: Path) -> None:
    miniatures.morph(tmp_path)
    samples, bad = read("MORPH II", tmp_path)
    assert [sample.truth for sample in samples.values()] == [50.0, 52.0, 20.0, 53.0]
    first, second, third, fourth = samples.values()
    assert first.cluster == second.cluster == fourth.cluster == "009055"
    assert first.split == second.split == fourth.split
    assert third.groups == {"gender": "female", "race": "white", "age": "20-29"}
    assert third.media == tmp_path / "Album2" / "010153_0F20.JPG"
    assert [line.partition(": ")[0].rpartition(":")[2] for line in bad] == ["5", "6", "7", "9"]


def test_utkface_lists_malformed_names_and_guesses_nothing(tmp_path: Path) -> None:
    miniatures.utkface(tmp_path)
    samples, bad = read("UTKFace", tmp_path)
    assert sorted(sample.truth for sample in samples.values() if isinstance(sample.truth, float)) == [
        1,
        26,
        100,
    ]
    groups = samples["26_1_2_20170116184024662.jpg.chip.jpg"].groups
    assert groups == {"gender": "female", "race": "asian", "age": "20-29"}
    assert len(bad) == 6


def test_a_picture_of_utkface_and_its_chip_are_one_sample(tmp_path: Path) -> None:
    name = "26_1_2_20170116184024662.jpg"
    for there in (name, f"{name}.chip.jpg"):
        miniatures.put(tmp_path / there)
    samples, bad = read("utkface", tmp_path)
    assert list(samples) == [name]
    assert bad == [f"{name}.chip.jpg:None: {name} is listed a second time; the first counts"]
    (tmp_path / name).unlink()
    chips, _ = read("utkface", tmp_path)
    assert [sample.split for sample in chips.values()] == [samples[name].split]
    assert [sample.cluster for sample in chips.values()] == [name]


def test_face_forensics_keys_videos_by_method_and_compression(tmp_path: Path) -> None:
    miniatures.face_forensics(tmp_path)
    samples, bad = read("FF++", tmp_path)
    test = [sample for sample in samples.values() if sample.split == "test"]
    assert len(test) == 2 * 2 + 4 * 2 * 2
    assert sum(sample.truth == "real" for sample in test) == 4
    assert len({sample.media for sample in test}) == len(test)
    assert len({sample.media.name for sample in test}) == 8  # which is why names are no keys
    assert {sample.cluster for sample in test} == {"000_003", "953_974"}
    swapped = samples["FaceSwap/c23/003_000"]
    assert swapped.media == tmp_path / "manipulated_sequences/FaceSwap/c23/videos/003_000.mp4"
    assert swapped.groups == {"method": "FaceSwap", "compression": "c23"}
    assert [line.partition(": ")[2][:20] for line in bad] == [
        "entry 2, ['087'], is",
        "entry 3, 'x', is no ",
        "a video of pair 4, 7",  # which is in val
    ]
    both, _ = read("faceforensics++", tmp_path, "all")
    assert len(both) == 2 * len(samples)
    with pytest.raises(LayoutError, match=r"no original_sequences/youtube/raw/videos.*variant c23, c40"):
        read("ff++", tmp_path, "raw")


@pytest.mark.parametrize("line", [b'1,"2,1', "Zo\xeb,1".encode("latin-1")])
@pytest.mark.parametrize(
    ("name", "variant", "table"),
    [
        ("dfew", None, "EmoLabel_DataSplit/test(single-labeled)/set_1.csv"),
        ("crema-d", "perceived", "processedResults/summaryTable.csv"),
        ("bp4d", None, "AUCoding/AU_OCC/F001_T1.csv"),
        ("morph", None, "morph_2008_nonCommercial.csv"),
    ],
)
def test_a_damaged_line_costs_no_other(
    name: str, variant: str | None, table: str, line: bytes, tmp_path: Path
) -> None:
    if name == "crema-d":
        miniatures.crema_d(tmp_path, {"1001_DFA_ANG_XX": "A"})
    else:
        getattr(miniatures, name)(tmp_path)
    whole, _ = read(name, tmp_path, variant)
    path = tmp_path / table
    header, rest = path.read_bytes().split(b"\n", 1)
    path.write_bytes(b"\n".join([header, line, rest]))
    samples, bad = read(name, tmp_path, variant)
    assert samples == whole
    assert any(one.startswith(f"{path.name}:2: ") for one in bad)


def test_labels_of_rendered_films_that_lack_a_column(tmp_path: Path) -> None:
    parquet.write_table(pa.table({"file": ["000.mp4"], "face": [0]}), tmp_path / "labels.parquet")
    with pytest.raises(LayoutError, match="it has no column start_s, end_s, x_px"):
        read("rendered-age", tmp_path)


@pytest.mark.parametrize("name", list(DATASETS))
def test_another_layout_is_an_error_that_says_what_was_looked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(LayoutError, match=r"there is no .* in it; give its root directory"):
        list(DATASETS[name].read(tmp_path))
    with pytest.raises(LayoutError, match="there is no such directory"):
        list(DATASETS[name].read(tmp_path / "nowhere"))


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda dataset: dataset.name)
def test_labels_are_those_of_the_question(dataset: Dataset) -> None:
    question = default_question(dataset.task)
    assert set(dataset.labels) <= {label.name for label in question.labels}


def test_a_dataset_that_is_not_known() -> None:
    with pytest.raises(ValueError, match="no dataset is called 'affectnet'; choose one of dfew, crema-d"):
        dataset_named("affectnet")


def test_a_fifth_is_held_out_whatever_else_there_is() -> None:
    held_out = [f"{number:06d}" for number in range(2000) if hashed_split(f"{number:06d}") == "test"]
    assert 0.17 < len(held_out) / 2000 < 0.23
    sizes = [
        [fold_of(f"S{n:02d}", [f"S{m:02d}" for m in range(41)], 3) for n in range(41)].count(f)
        for f in (1, 2, 3)
    ]
    assert sizes == [14, 14, 13]
