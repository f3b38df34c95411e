"""`reward-server`: serve rewards to trainers."""

from __future__ import annotations

import argparse
from pathlib import Path

from harness_plugins.cli.arguments import Commands
from harness_plugins.cli.exit_codes import COMPLETE


def add_parser(commands: Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "reward-server",
        help="serve Proxy-GRM's and RPO's rewards to trainers",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description="Serve rewards over HTTP: POST /v1/proxy_grm, POST /v1/rpo, GET /health, GET /metrics. Images come by value.\n"
        "Ctrl-C or SIGTERM finishes the requests in flight and refuses new ones; a second one stops at once.",
        epilog="a small config:\n"
        "  proxy_grm:\n"
        "    proxy: {name: proxy, backend: openai, model: my/proxy-7b, base_url: 'http://127.0.0.1:8000/v1', concurrency: 64}\n"
        "  rpo:\n"
        "    judge: {name: judge, backend: openai, model: Qwen/Qwen3-VL-8B-Instruct, base_url: 'http://127.0.0.1:8001/v1'}\n"
        "    rubric: rubric-induced.yaml\n"
        "  queue: 512\n"
        "  limits: {body_mb: 64, bodies_mb: 256, body_s: 30, head_s: 10}  # one body, all in flight, seconds to send it\n"
        "in a trainer: proxy_grm_reward(RewardClient('http://127.0.0.1:8765'))\n",
    )
    command.add_argument("config", type=Path, metavar="CONFIG.yaml")
    command.add_argument("--host", default="127.0.0.1", help="default: 127.0.0.1; any other needs --token-env")
    command.add_argument("--port", type=int, default=8765, help="default: 8765; 0 takes a free one and prints it")
    command.add_argument(
        "--token-env", metavar="NAME", help="the environment variable with the token that clients must show"
    )
    command.add_argument(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="one more name that a Host header may hold, or *.NAME (again for others). Without a token: localhost, 127.0.0.1, "
        "[::1] and --host; with one: any, unless this option names some",
    )
    return command


def main(args: argparse.Namespace) -> int:
    from evaluators.errors import UserError

    try:
        from harness_plugins.rewards.server.limits import serve
    except ImportError as e:
        raise UserError(f"the reward server needs {e.name}: pip install 'rubric-harness[server]'") from None
    serve(args.config, args.host, args.port, args.token_env, args.allow_host)
    return COMPLETE
