"""What explains the fields of a dataclass: the literal under each, which Python drops."""

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise


@cache
def field_docs(of: type) -> Mapping[str, str]:
    """Return the docstring under each field that has one, without its indentation."""
    (stated,) = ast.parse(textwrap.dedent(inspect.getsource(of))).body
    assert isinstance(stated, ast.ClassDef)
    docs: dict[str, str] = {}
    for field, after in pairwise(stated.body):
        match field, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(doc))):
                docs[name] = inspect.cleandoc(doc)
            case _:
                pass
    return docs
