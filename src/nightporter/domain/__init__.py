"""The property's words and rules: frozen values, standard library only, no transport, no storage."""
