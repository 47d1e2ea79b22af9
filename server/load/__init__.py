"""Load on a real server: listeners in real time, the cost of HTTP, memory, batches."""
