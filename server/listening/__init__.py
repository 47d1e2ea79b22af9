"""Listening tests: what people say of the voices, blind, in random order; MOS and MUSHRA.

`prepared` makes the sounds and says what is compared, `plan` who hears what in which order, `store` keeps
what was said, `session` leads one listener through, `app` puts it on HTTP, `results` counts.
"""
