"""What this computer offers: its clock, locks between processes, a log, and the service manager that started us."""
