"""Instruments of a machine: power, clocks, temperatures, memory, one file for each kind."""
