"""From a folder of recordings to a set that recipes train on."""
