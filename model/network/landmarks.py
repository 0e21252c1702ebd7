"""Face-region landmark projector (FRLP): 68 points become nine tokens per frame.

Nine facial regions go through one linear layer each (the paper's figure calls them MLPs; the released code
has a single layer without activation), and all points together through another. The landmark tokens are the
regions' tokens plus the global one. Nothing mixes frames.

Shapes:
    B batch, T frames, K = 68 points, P = 136 coordinates x0 y0 x1 y1 ... in 0..1 of the crop, R = 9 regions,
    D width of the LLM
"""

import torch
from torch import Tensor, nn

POINTS = 68
"""Points of the iBUG annotation."""

REGIONS: dict[str, range] = {
    "face": range(17),  # the jaw
    "eyebrow1": range(17, 22),
    "eyebrow2": range(22, 27),
    "nose": range(27, 31),  # its bridge
    "nostril": range(31, 36),
    "eye1": range(36, 42),
    "eye2": range(42, 48),
    "lips": range(48, 60),  # outer contour
    "teeth": range(60, 68),  # inner contour
}
"""Points of each region, in the order of the landmark tokens, under the names of the official weights."""


class RegionProjector(nn.Module):
    """One linear layer per face region: the local features of the paper's landmark projector."""

    def __init__(self, hidden_size: int):
        super().__init__()
        self.region_layers = nn.ModuleDict(
            {name: nn.Linear(2 * len(points), hidden_size) for name, points in REGIONS.items()}
        )

    def forward(self, landmarks_BTP: Tensor) -> Tensor:
        """Return local landmark tokens [B, T, R, D] of landmarks [B, T, P]."""
        tokens = [
            self.region_layers[name](landmarks_BTP[..., 2 * points.start : 2 * points.stop])
            for name, points in REGIONS.items()
        ]
        return torch.stack(tokens, dim=-2)


def region_centroids(landmarks_BTP: Tensor) -> Tensor:
    """Return each region's mean point [B, T, R, 2] as (x, y), in the landmarks' own unit."""
    points_BTK2 = landmarks_BTP.unflatten(-1, (POINTS, 2))
    return torch.stack([points_BTK2[..., r.start : r.stop, :].mean(dim=-2) for r in REGIONS.values()], dim=-2)
