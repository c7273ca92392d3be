"""How fast and how large: each figure beside a baseline of the same run, since these machines are noisy."""
