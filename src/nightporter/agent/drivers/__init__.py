"""The drivers: one folder for each kind of device, the same file names in each."""
