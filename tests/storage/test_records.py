from storage.records import clip_id, evidence_folder, evidence_path, track_id


def test_ids_are_made_of_their_parents() -> None:
    of_track = track_id("9f86d081884c7d659a2f", "1b4f0e9851971998", 3)
    assert of_track == "9f86d081884c7d65-1b4f0e98-t0003"
    assert clip_id(of_track, 0) == "9f86d081884c7d65-1b4f0e98-t0003-c00"


def test_ids_stay_apart_beyond_their_padding() -> None:
    ids = {track_id("v" * 64, "r" * 64, index) for index in (1, 10, 1000, 10000, 100000)}
    ids |= {clip_id("t", index) for index in (1, 10, 100)}
    assert len(ids) == 8


def test_a_picture_lies_in_the_folder_of_its_video() -> None:
    assert evidence_path("9f86d081", "9f86d081-c00") == "evidence/9f86d081/9f86d081-c00.jpg"
    assert evidence_path("9f86d081", "c").startswith(evidence_folder("9f86d081") + "/")
