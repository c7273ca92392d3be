from shared.values import words


def test_an_answer_in_a_call_is_an_outcome_or_not_discussed():
    assert {*words.RequestOutcome} | {"not_discussed"} == {*words.CallAnswer}


def test_a_wish_for_a_gender_is_a_gender_or_any():
    assert {*words.PreferredGender} - {"any"} == {*words.Gender} - {"unknown"}
