"""What a property system or an operator does."""
