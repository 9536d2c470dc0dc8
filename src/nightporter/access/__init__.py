"""Who may do what, on which enterprises."""
