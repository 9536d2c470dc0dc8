"""Benchmarks: one file a question; each prints ratios measured side by side in one run."""
