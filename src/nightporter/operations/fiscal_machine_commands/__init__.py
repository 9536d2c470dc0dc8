"""fiscalMachineCommands/…: contract 7.7."""
