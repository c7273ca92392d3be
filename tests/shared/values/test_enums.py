from shared.values import enums


def test_an_answer_in_a_call_is_an_outcome_or_not_discussed() -> None:
    assert {*enums.RequestOutcome} | {"not_discussed"} == {*enums.CallAnswer}


def test_a_wish_for_a_gender_is_a_gender_or_any() -> None:
    assert {*enums.PreferredGender} - {"any"} == {*enums.Gender} - {"unknown"}
