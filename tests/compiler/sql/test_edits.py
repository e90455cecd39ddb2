"""Places in an edited text lead back to the characters that were there before."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trc.compiler.sql.edits import Edit, Edited

TEXT = st.text(alphabet="abcé日😀 \n", min_size=1, max_size=40)


@st.composite
def edited_texts(draw: st.DrawFn) -> Edited:
    original = draw(TEXT)
    cuts = sorted(draw(st.sets(st.integers(0, len(original)), max_size=6)))
    edits = [Edit(start, end, draw(st.text(alphabet="XYÜ", max_size=4))) for start, end in zip(cuts[::2], cuts[1::2])]
    return Edited(original, tuple(draw(st.permutations(edits))))


@given(edited_texts())
def test_what_was_kept_leads_back_to_itself(edited: Edited) -> None:
    for offset, char in enumerate(edited.text):
        place = edited.place(offset)
        if char in "XYÜ":
            assert place in {edit.start for edit in edited.edits}
        else:
            assert edited.original[place] == char
            assert not edited.overlaps(place, place + 1)


@given(edited_texts())
def test_bytes_lead_to_the_characters_that_they_begin(edited: Edited) -> None:
    for offset in range(len(edited.text)):
        position = len(edited.text[:offset].encode())
        assert edited.place_of_byte(position) == edited.place(offset)


def test_an_insertion_moves_what_follows() -> None:
    edited = Edited("on y using", (Edit(4, 4, " IN (NULL)"),))
    assert edited.text == "on y IN (NULL) using"
    assert [edited.place(offset) for offset in (3, 4, 13, 15)] == [3, 4, 4, 5]
