import torch

from model.network.landmarks import POINTS, REGIONS, RegionProjector, region_centroids


def test_the_regions_share_out_the_points_in_order() -> None:
    assert [point for points in REGIONS.values() for point in points] == list(range(POINTS))
    sizes = {name: len(points) for name, points in REGIONS.items()}
    assert sizes == {
        "face": 17,
        "eyebrow1": 5,
        "eyebrow2": 5,
        "nose": 4,
        "nostril": 5,
        "eye1": 6,
        "eye2": 6,
        "lips": 12,
        "teeth": 8,
    }


def test_each_token_is_a_linear_of_its_own_points() -> None:
    projector = RegionProjector(12)
    landmarks = torch.rand(2, 3, 2 * POINTS)
    tokens = projector(landmarks)
    assert tokens.shape == (2, 3, 9, 12)
    points = landmarks.reshape(2, 3, POINTS, 2)
    for index, (name, of_region) in enumerate(REGIONS.items()):
        layer = projector.get_submodule(f"region_layers.{name}")
        flat = torch.stack([points[:, :, p, axis] for p in of_region for axis in (0, 1)], dim=-1)
        torch.testing.assert_close(tokens[:, :, index], layer(flat))


def test_moving_a_point_moves_only_its_region() -> None:
    projector = RegionProjector(12)
    landmarks = torch.rand(1, 1, 2 * POINTS)
    moved = landmarks.clone()
    moved[..., 2 * 36] += 0.1  # the outer corner of eye1, x
    differs = (projector(moved) != projector(landmarks)).any(-1).flatten().tolist()
    assert [name for name, differ in zip(REGIONS, differs, strict=True) if differ] == ["eye1"]


def test_centroids_are_means_of_x_and_y() -> None:
    landmarks = torch.zeros(1, 1, POINTS, 2)
    landmarks[0, 0, 27:31, 0] = torch.tensor([0.1, 0.2, 0.3, 0.4])
    landmarks[0, 0, 27:31, 1] = 0.6
    centroids = region_centroids(landmarks.flatten(2))
    assert centroids.shape == (1, 1, 9, 2)
    torch.testing.assert_close(centroids[0, 0, 3], torch.tensor([0.25, 0.6]))
