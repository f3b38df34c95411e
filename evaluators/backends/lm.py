"""Judges that are models of lm-eval: they answer inside an lm-eval run, and are in the records under this name."""

from __future__ import annotations

from evaluators.backends._harnesses import SERVED_ARGS
from evaluators.capabilities import Capabilities
from evaluators.errors import UserError
from evaluators.messages import ChatBackend
from evaluators.specs import ModelSpec

TRANSPORT_ARGS = frozenset(
    {
        *("base_url", "api_key", "auth_token", "token", "header", "verify_certificate", "ca_cert_path"),
        *("timeout", "max_retries", "num_concurrent", "batch_size", "max_batch_size", "use_cache"),
        *("device", "device_map", "device_map_option", "parallelize", "gpus", "max_memory_per_gpu", "max_cpu_memory"),
        *("offload_folder", "cache_dir", "download_dir", "local_files_only", "low_cpu_mem_usage"),
        *(
            "tensor_parallel_size",
            "pipeline_parallel_size",
            "data_parallel_size",
            "gpu_memory_utilization",
            "swap_space",
        ),
        *("max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching", "enforce_eager", "disable_log_stats"),
    }
)
"""Arguments that say where a model runs, how fast, and what is too much for it. Every other one may change an answer, and is in
the key."""


CAPABILITIES = Capabilities(fields=("model_args",), served_args=SERVED_ARGS)


def check(spec: ModelSpec) -> None:
    if not spec.model:
        raise ValueError("`model` is missing: the name of an lm-eval model")


def create(spec: ModelSpec) -> ChatBackend:
    raise UserError(
        f"judge {spec.name!r}: models of lm-eval are asked by lm-eval itself: "
        'lm-eval run --include_path "$(rubric-harness tasks --path)" --tasks rt_pairs_judge --model ...'
    )
