"""JSON shapes shared by operations, client and agent: msgspec structs, PascalCase on the wire."""
