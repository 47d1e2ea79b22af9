"""Two voices on the same recordings: on which measures and on which sounds they differ.

Every figure is paired: both voices say the same utterance, and their difference is averaged over utterances.
"""
