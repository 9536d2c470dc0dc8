"""The agent: the program beside the machines. It sees only the public API, as any other client."""
