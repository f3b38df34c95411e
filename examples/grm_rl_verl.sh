#!/usr/bin/env bash
# GRM-RL of the Proxy-GRM pipeline with verl 0.9.1 on one node of several GPUs: GRPO by accuracy, the proxy's verdict and the form.
#
#   MODEL=checkpoints/grm-sft DATA=results/data/proxy-grm/verl/grm_rl.parquet examples/grm_rl_verl.sh [verl options ...]
#   examples/grm_rl_verl.sh --tiny        # verl reads these options and prints what they come to; no GPU, and no training
#
# Before it: `rubric-harness data examples/data.yaml` (format verl), the cold start (examples/train_sft.py), and the proxy served on
# GPUs of its own, where REWARD's part `proxy_grm` says. Set beside MODEL and DATA, if need be: GPUS (8), OUT, VAL (DATA),
# REWARD (examples/reward.yaml), ON_FAILURE: what a completion earns for which the proxy never answered; verl cannot mask, so the
# default `raise` ends the step. Needs verl 0.9.1, vllm and this project in one environment.
#
# What is set is what the released scripts set (arXiv 2603.16600, scripts/rl; verl 0.7.0.dev there). Told of the paper instead:
# learning rate 5e-6 (actor_rollout_ref.actor.optim.lr=5e-6) and 7 completions a prompt (actor_rollout_ref.rollout.n=7). The scripts'
# README speaks of a batch of 128, which nothing reads. They test at each step (trainer.test_freq=1 with VAL of your own; off here).
#
# Why --tiny trains nothing: verl's trainer puts actor and rollout on GPUs through Ray and vLLM, and has no way to do it on a CPU. So
# the options are only composed and validated by verl's own code, for which an unknown or ill-fitting one is an error, and printed.
# The same stage runs to its end on CPU in: python examples/train_grpo.py grm_rl --tiny
set -euo pipefail
cd "$(dirname "$0")/.."
PYTHON=${PYTHON:-python}

case ${1:-} in
  -h | --help) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0"; exit 0 ;;
  --tiny) shift; TINY=1 MODEL=${MODEL:-tiny} DATA=${DATA:-tiny.parquet} ;;
  *) TINY=${TINY:-} ;;
esac
: "${MODEL:?set MODEL to the cold-started GRM; --help says more}" "${DATA:?set DATA to verl/grm_rl.parquet; --help says more}"
GPUS=${GPUS:-8}
quoted() { printf "'%s'" "${1//\'/\\\'}"; } # for Hydra, which reads brackets and commas in values

options=(
  algorithm.adv_estimator=grpo
  algorithm.use_kl_in_reward=False
  data.train_files="$(quoted "$DATA")"
  data.val_files="$(quoted "${VAL:-$DATA}")"
  data.train_batch_size=256
  data.max_prompt_length=4096
  data.max_response_length=8192
  data.filter_overlong_prompts=True
  data.image_key=images
  actor_rollout_ref.model.path="$(quoted "$MODEL")"
  actor_rollout_ref.model.enable_gradient_checkpointing=True
  # What makes micro-batches of 8 fit into 80 GB: no padding, no table of logits, and what is not at work in the host's memory.
  actor_rollout_ref.model.use_remove_padding=True
  actor_rollout_ref.model.use_fused_kernels=True
  actor_rollout_ref.actor.fsdp_config.optimizer_offload=True
  actor_rollout_ref.ref.fsdp_config.param_offload=True
  actor_rollout_ref.rollout.gpu_memory_utilization=0.5
  actor_rollout_ref.rollout.max_model_len=12288
  actor_rollout_ref.actor.optim.lr=3e-7
  actor_rollout_ref.actor.ppo_mini_batch_size=128
  actor_rollout_ref.actor.ppo_micro_batch_size_per_gpu=8
  actor_rollout_ref.actor.use_kl_loss=True
  actor_rollout_ref.actor.kl_loss_coef=0.01
  actor_rollout_ref.actor.kl_loss_type=low_var_kl
  actor_rollout_ref.actor.entropy_coeff=0
  actor_rollout_ref.ref.log_prob_micro_batch_size_per_gpu=8
  actor_rollout_ref.rollout.name=vllm
  actor_rollout_ref.rollout.n=8
  actor_rollout_ref.rollout.tensor_model_parallel_size=2
  actor_rollout_ref.rollout.log_prob_micro_batch_size_per_gpu=8
  reward.reward_manager.name=naive
  reward.custom_reward_function.path=pkg://harness_plugins.rewards.verl
  reward.custom_reward_function.name=compute_score
  +reward.custom_reward_function.reward_kwargs.config="$(quoted "$(realpath "${REWARD:-examples/reward.yaml}")")"
  +reward.custom_reward_function.reward_kwargs.data_root="$(quoted "$(realpath -m "$(dirname "$DATA")/..")")"
  +reward.custom_reward_function.reward_kwargs.on_failure="${ON_FAILURE:-raise}"
  trainer.n_gpus_per_node="$GPUS"
  trainer.nnodes=1
  trainer.total_epochs=1
  trainer.save_freq=5
  trainer.test_freq=-1
  trainer.val_before_train=False
  trainer.project_name=proxy-grm
  trainer.experiment_name=grm-rl
  trainer.default_local_dir="$(quoted "${OUT:-checkpoints/grm-rl}")"
  'trainer.logger=["console"]'
  "$@"
)
if [ -n "$TINY" ]; then
  exec "$PYTHON" -c '
import sys

import hydra
from verl.utils.config import validate_config

with hydra.initialize_config_module("verl.trainer.config", version_base=None):
    config = hydra.compose("ppo_trainer", overrides=sys.argv[1:])
validate_config(config, use_reference_policy=True, use_critic=False)
print(*sys.argv[1:], "verl takes these options", sep="\n")
' "${options[@]}"
fi
exec "$PYTHON" -m verl.trainer.main_ppo "${options[@]}"
