"""Image generators as policies: FLUX, Qwen-Image-Edit, and tiny models of the same code, behind one `velocity`."""
