"""Formats: whatever the library encodes has a media type and can be asked for by name."""

from typing import get_args

import pytest

from server.formats import ANSWERED_TYPES, AUDIO_TYPES, choose_format, content_length
from server.problems import Problem
from server.routes.synthesis import SynthesisQuery
from vocoder.audio import ENCODERS, encoder


def test_every_encoder_can_be_asked_for():
    (names, _) = get_args(SynthesisQuery.model_fields["format"].annotation)
    assert set(get_args(names)) == set(AUDIO_TYPES.values()) == ENCODERS.keys()


@pytest.mark.parametrize("name", ENCODERS)
def test_an_answer_has_the_media_type_that_chooses_it(name):
    content_type = encoder(name, 22050, 100).content_type
    assert content_type.partition(";")[0] == ANSWERED_TYPES[name]
    assert choose_format(content_type) == name


@pytest.mark.parametrize("accept", ["text/html", "audio/l16", "audio/wav;q=0", "audio/wav;q=none", ";"])
def test_an_accept_header_without_our_audio_is_refused(accept):
    with pytest.raises(Problem, match="audio is made as"):
        choose_format(accept)


def test_only_formats_of_known_size_promise_a_length():
    assert {name for name in ENCODERS if content_length(name, 10) is not None} == {"wav", "pcm"}
