"""What a verdict costs by mode: `text` at a stated max_tokens, `reasoned` and `direct`, on a real vLLM server.

    python performance/verdict_cost.py --vllm-python .venv-vllm/bin/python --max-tokens 512

100 pairs in both orders, one mode after the other, a fresh server each. The model is tiny and random: a grammar lets it
reason for about --max-tokens tokens and then name a winner, as a real one would by itself. Cost only; this says nothing
of quality. Tokens are the server's own counters.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from local_server import build, counters, serving
from prefix_cache import make_data

from harness_plugins import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--vllm-python", default=".venv-vllm/bin/python", help="an interpreter with vLLM and torchvision"
    )
    parser.add_argument("--pairs", type=int, default=100)
    parser.add_argument("--slots", type=int, default=16)
    parser.add_argument("--max-tokens", type=int, default=512)
    args = parser.parse_args()
    # Letters of which no two make one token: a letter is a token. Then the answer closes it.
    reasons = f"[xyz12]{{{args.max_tokens - 64}}}<answer>[12]</answer>"
    found = {}
    with tempfile.TemporaryDirectory(prefix="rubric-harness-") as name:
        folder = Path(name)
        model = build(args.vllm_python, folder / "model", 256, 2)
        config = make_data(folder, args.pairs)
        for mode in ("text", "reasoned", "direct"):
            grammar = "choice: ['1', '2']" if mode == "direct" else f"regex: '{reasons}'"
            config.write_text(
                f"benchmarks: [{{name: pairs, path: rows.jsonl}}]\narms: [none]\nout: {mode}\njudges:\n"
                f"  - {{name: tiny, backend: openai, model: tiny, base_url: 'http://127.0.0.1:18770/v1', verdict: {mode}, "
                f"max_tokens: {args.max_tokens}, concurrency: {args.slots}, extra_body: {{structured_outputs: {{{grammar}}}}}}}\n"
            )
            with serving(args.vllm_python, model, "--max-model-len", "4096"):
                result = run(config)
                found[mode] = {"seconds": result.seconds, **counters()}
            assert result.complete and not result.statuses["truncated"] and not result.statuses["unparsed"], (
                result.statuses
            )
    count = 2 * args.pairs
    print(f"{count} verdicts a mode, {args.slots} in flight, max_tokens {args.max_tokens}; per verdict:")
    text = found["text"]
    for mode, f in found.items():
        read, hit = f["prompt_tokens_total"] / count, f["prefix_cache_hits_total"] / count
        written, seconds = f["generation_tokens_total"] / count, f["seconds"] / count
        print(
            f"  {mode:9} read {read:6.0f} (from cache {hit:5.0f}), written {written:6.1f}, {1000 * seconds:7.1f} ms; against text: "
            f"written x {written / text['generation_tokens_total'] * count:.3f}, time x {seconds / text['seconds'] * count:.3f}"
        )


if __name__ == "__main__":
    main()
