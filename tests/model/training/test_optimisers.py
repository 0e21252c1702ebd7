import torch
from torch import nn

from model.training.config import TrainingConfig
from model.training.optimisers import make_optimisers


def network() -> nn.ModuleDict:
    torch.manual_seed(0)
    layers = nn.Sequential(nn.Linear(4, 16), nn.GELU(), nn.Linear(16, 4))
    return nn.ModuleDict({"layers": layers, "head": nn.Linear(4, 2)})


def taken(optimiser: torch.optim.Optimizer) -> set[int]:
    return {id(parameter) for group in optimiser.param_groups for parameter in group["params"]}


def test_adamw_takes_all() -> None:
    module = network()
    (optimiser,) = make_optimisers(module.named_parameters(), TrainingConfig(weight_decay=0.1), 1e-3)
    assert isinstance(optimiser, torch.optim.AdamW)
    assert taken(optimiser) == {id(parameter) for parameter in module.parameters()}
    assert [(group["lr"], group["weight_decay"]) for group in optimiser.param_groups] == [(1e-3, 0.1)]


def test_muon_takes_the_matrices_of_layers() -> None:
    module = network()
    config = TrainingConfig(optimiser="muon", weight_decay=0.1)
    muon, adamw = make_optimisers(module.named_parameters(), config, 1e-3)
    assert taken(muon) == {
        id(parameter) for parameter in module["layers"].parameters() if parameter.ndim == 2
    }
    assert taken(adamw) == {id(parameter) for parameter in module.parameters()} - taken(muon)


def test_what_has_no_layers_is_adamws_alone() -> None:
    config = TrainingConfig(optimiser="muon")
    (optimiser,) = make_optimisers(network()["head"].named_parameters(), config, 1e-3)
    assert isinstance(optimiser, torch.optim.AdamW)


def test_both_together_learn() -> None:
    module = network()
    optimisers = make_optimisers(module.named_parameters(), TrainingConfig(optimiser="muon"), 5e-2)
    inputs = torch.randn(64, 4)
    targets = (inputs[:, 0] * inputs[:, 1] > 0).long()
    losses: list[float] = []
    for _ in range(150):
        loss = nn.functional.cross_entropy(module["head"](module["layers"](inputs)), targets)
        loss.backward()
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
