from importlib.util import find_spec

# `make test` runs these in the environment that `make vllm` installs.
collect_ignore_glob = [] if find_spec("vllm") else ["*/test_vllm_*.py"]
