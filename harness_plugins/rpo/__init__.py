"""RPO: reinforcement learning of an image generator, paid by a judge that compares two pictures of a prompt under a rubric.

From ARR (arXiv 2605.08354), for FLUX.1 and Qwen-Image-Edit with a LoRA adapter. `rubric-harness rpo train CONFIG`; docs/rpo.md.
"""
