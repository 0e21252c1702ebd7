import numpy as np

from model.prompting.token_tree import Scored, build_scoring_tree, build_tree


def test_common_beginnings_are_shared() -> None:
    tree, paths = build_tree([(0, (1, 2, 3)), (0, (1, 2, 4)), (0, (5,)), (0, (1, 2))])
    assert tree.tokens.tolist() == [1, 2, 3, 4, 5]
    assert tree.depths.tolist() == [0, 1, 2, 2, 0]
    assert paths == ((0, 1, 2), (0, 1, 3), (4,), (0, 1))


def test_equal_sequences_on_different_roots_are_apart() -> None:
    tree, paths = build_tree([(0, (1, 2)), (1, (1, 2)), (1, (1, 3))])
    assert tree.tokens.tolist() == [1, 2, 1, 2, 3]
    assert tree.roots.tolist() == [0, 0, 1, 1, 1]
    assert paths == ((0, 1), (2, 3), (2, 4))
    assert not tree.is_visible[2:, :2].any()


def test_a_node_sees_itself_and_its_ancestors_only() -> None:
    tree, _ = build_tree([(0, (1, 2, 3)), (0, (1, 4)), (0, (5,))])
    assert tree.is_visible.astype(int).tolist() == [
        [1, 0, 0, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 1, 1, 0, 0],
        [1, 0, 0, 1, 0],
        [0, 0, 0, 0, 1],
    ]


def test_the_last_token_is_predicted_and_not_computed() -> None:
    scoring = build_scoring_tree(
        [Scored(0, (1, 2), (3,)), Scored(0, (1, 2), (4, 5)), Scored(0, (1, 2), (4, 6))]
    )
    assert scoring.tree.tokens.tolist() == [1, 2, 4]
    assert scoring.nodes.tolist() == [1, 2]
    assert scoring.pairs.tolist() == [[0, 3], [0, 4], [1, 5], [1, 6]]
    assert scoring.terms == ((0,), (1, 2), (1, 3))
    assert scoring.log_probs(np.array([-1.0, -2.0, -3.0, -4.0])).tolist() == [-1.0, -5.0, -6.0]
