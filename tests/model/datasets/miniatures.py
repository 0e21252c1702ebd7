"""Miniatures of the datasets as they are distributed, with the faults that they are known to have."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from model.prompting.labels import ATTRIBUTES


def put(path: Path, text: str = "") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def dfew(root: Path, folder: str = "{}(single-labeled)", clips: str = "original/00001.mp4") -> None:
    put(root / "Clip" / clips)
    for split in ("train", "test"):
        for fold in range(1, 6):
            name = root / "EmoLabel_DataSplit" / folder.format(split) / f"set_{fold}.csv"
            put(name, f"video_name,label\n{fold:05d},{fold}\n{fold + 5},{7 if fold == 1 else 6}\n")
    put(
        root / "EmoLabel_DataSplit" / folder.format("test") / "set_2.csv",
        "video_name,label\n00002,2\n00007,0\nabc,3\n00009\n\n2,4\n00012,8\n",
    )


def crema_d(root: Path, votes: Mapping[str, str] | None = None) -> None:
    for name in (
        "1001_DFA_ANG_XX",
        "1001_IEO_HAP_LO",
        "1091_TIE_SAD_HI",
        "1040_ITH_SAD_X",
        "1001_DFA_SUR_XX",
    ):
        put(root / "VideoFlash" / f"{name}.flv")
    put(root / "VideoFlash" / "notes.txt")
    if votes is not None:
        put(root / "VideoFlash" / "1002_IEO_NEU_XX.flv")
        rows = [f'"{number}","{name}","N","50","{vote}"' for number, (name, vote) in enumerate(votes.items())]
        header = '"","FileName","VoiceVote","VoiceLevel","FaceVote"'
        put(root / "processedResults" / "summaryTable.csv", "\n".join([header, *rows]) + "\n")


def raf_db(root: Path) -> None:
    basic = root / "basic"
    lines = ["train_00001.jpg 5", "test_0001.jpg 4", "test_0002.jpg 8", "val_0003.jpg 1", "test_0004.jpg"]
    lines.append("test_0006_aligned.jpg 1")
    put(
        basic / "EmoLabel" / "list_patition_label.txt",
        "\n".join([*lines, "test_0001.jpg 3", "test_0005.jpg 7"]),
    )
    (basic / "Image" / "aligned").mkdir(parents=True)
    points = "1.0\t2.0\n" * 5
    put(basic / "Annotation" / "manual" / "test_0001_manu_attri.txt", points + "1\n2\n4\n")
    put(basic / "Annotation" / "manual" / "test_0005_manu_attri.txt", points + "1\n9\n4\n")


def disfa(
    root: Path, subjects: Iterable[str] = ("SN001", "SN002", "SN003", "SN004"), frames: int = 3
) -> None:
    for subject in subjects:
        put(root / "Videos_LeftCamera" / f"LeftVideo{subject}_comp.avi")
        for unit in (1, 2, 4, 5, 6, 9, 12, 15, 17, 20, 25, 26):
            rows = "".join(f"{frame},{min(frame + (unit == 1), 5)}\n" for frame in range(1, frames + 1))
            put(root / "ActionUnit_Labels" / subject / f"{subject}_au{unit}.txt", rows)


def bp4d(root: Path, subjects: Iterable[str] = ("F001", "F002", "M001")) -> None:
    units = [1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 22, 23, 24, 27]
    for subject in subjects:
        for frame in (2440, 2441, 35):
            put(root / subject / "T1" / f"{frame:04d}.jpg")
        rows = [
            ",".join(map(str, [0, *units])),
            ",".join(map(str, [2440, *(1 if unit == 12 else 0 for unit in units)])),
            ",".join(map(str, [2441, *(9 if unit == 12 else 1 for unit in units)])),
            ",".join(map(str, [35, *(0 for _ in units)])),
        ]
        put(root / "AUCoding" / "AU_OCC" / f"{subject}_T1.csv", "\n".join(rows) + "\n")


def celeba(root: Path) -> None:
    (root / "Img" / "img_align_celeba").mkdir(parents=True)
    names = [
        "_".join(word if word[0].isdigit() else word.capitalize() for word in label.name.split("_"))
        for label in ATTRIBUTES
    ]
    signs = {"000001.jpg": "1", "000002.jpg": "-1", "000003.jpg": "1", "000005.jpg": "-1"}
    rows = [f"{name}  " + " ".join([sign] * 40) for name, sign in signs.items()]
    rows.append("000004.jpg " + " ".join(["1"] * 39))
    rows.append("000006.jpg " + " ".join(["0"] * 40))
    put(root / "Anno" / "list_attr_celeba.txt", "\n".join(["202599", " ".join(names), *rows]) + "\n")
    put(
        root / "Eval" / "list_eval_partition.txt",
        "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n000004.jpg 2\n000006.jpg 2\n000007.jpg 3\n000008.jpg 2\n",
    )
    put(root / "Anno" / "identity_CelebA.txt", "000001.jpg 2880\n000003.jpg 2880\n")


def morph(root: Path) -> None:
    header = "id_num,picture_num,dob,doa,race,gender,facial_hair,age,age_diff,glasses,photo"
    rows = [
        "009055,1,01/01/1950,01/01/2000,B,M,NULL,50,0,NULL,Album2/009055_1M50.JPG",
        "009055,2,01/01/1950,01/01/2002,B,M,NULL,52,2,NULL,Album2/009055_2M52.JPG",
        "010153,0,01/01/1980,01/01/2000,W,F,NULL,20,0,NULL,Album2/010153_0F20.JPG",
        "010154,0,01/01/1980,01/01/2000,W,F,NULL,,0,NULL,Album2/010154_0F20.JPG",
        "010155,0,01/01/1980,01/01/2000,W,F,NULL,-3,0,NULL,Album2/010155_0F20.JPG",
        "010156,0",
        "9055,3,01/01/1950,01/01/2003,B,M,NULL,53,3,NULL,Album2/009055_3M53.JPG",
        "010153,0,01/01/1980,01/01/2000,W,F,NULL,20,0,NULL,Album2/010153_0F20.JPG",
    ]
    put(root / "morph_2008_nonCommercial.csv", "\n".join([header, *rows]) + "\n")


def utkface(root: Path) -> None:
    for name in (
        "26_1_2_20170116184024662.jpg.chip.jpg",
        "1_0_0_20161219140623097.jpg",
        "100_1_0_20170112213500903.jpg.chip.jpg",
        "61_1_20170109142408075.jpg.chip.jpg",
        "24_0_1_20170116220224657 .jpg.chip.jpg",
        "53__0_20170116184028385.jpg",
        "300_0_0_20170116184028385.jpg",
        "26_3_0_20170116184028385.jpg",
        "readme.txt",
    ):
        put(root / name)


def face_forensics(root: Path, compressions: Iterable[str] = ("c23", "c40")) -> None:
    splits = {
        "test": [["000", "003"], ["953", "974"]],
        "val": [["720", "672"]],
        "train": [["071", "054"], ["087"], "x", ["720", "100"]],
    }
    for split, pairs in splits.items():
        put(root / "splits" / f"{split}.json", json.dumps(pairs))
    for compression in compressions:
        put(root / "original_sequences" / "youtube" / compression / "videos" / "000.mp4")
