"""Every refusal that follows a look at the database is tried with two who ask at once."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.architecture.sources import ROOT, SERVICES, sources, tree

WITHOUT_A_RACE = {
    "import.records_removed": "asked with the import locked, in the test of `import.undo_asked`",
    "import.no_folder": "a setting, which does not change while the process lives",
    "patient_import.other_total": "the rows of a file that was sent do not change",
    "therapist.same_one": "a question of what was sent alone",
    "patient.place_unknown": "a question that changes nothing; the copy may arrive a moment later",
    "patient.distance_limit_missing": "a question that changes nothing",
    "patient.not_ready": "asked with the patient's row locked, in the test of `patient.transition`",
    "patient.same_file": "a question of what was sent alone",
    "patient.not_one_person": "asked with both rows locked, in the test of `patient.merged_before`",
    "patient.no_placement_code": "a question that changes nothing but the access log",
    "placement_request.nothing_to_correct": "asked with the request locked, in the test of `…not_answered`",
    "placement_request.asked_again": "asked with the patient and the request locked, as every approval is",
    "placement_request.place_over": "asked with the request locked, in the test of `placement_request.not_placed`",
    "placement_request.patient_erased": "asked with the patient locked, as by an erasure",
    "contact_plan.not_cancellable": "asked with the plan locked, as `contact_plan.not_proposed`",
    "contact_plan.too_late": "a week ends whoever looks; asked with the plan locked, as `contact_plan.not_proposed`",
    "contact_log.patient_erased": "asked with the patient locked, as by an erasure",
    "contact_log.corrected_already": "asked with the patient locked, and held by an index that is unique",
    "contact_log.sent_by_platform": "what an entry says never changes",
    "contact_log.answer_of_request": "what an entry says never changes",
    "contact_log.contact_of_request": "what an entry says never changes",
    "contact_log.request_waits": "a hint where the answer belongs; a request approved at this moment takes it too",
    "patient.place_not_followed": "is itself about what is under way; asked with the patient's copy locked",
    "phone_call.nothing_to_ask": "asked with the practice locked, in the test of `phone_call.planned_already`",
    "phone_call.needs_a_reason": "asked with the practice locked, in the test of `phone_call.planned_already`",
    "phone_call.practice_busy": "is itself what the second one is told",
    "phone_call.no_outcome": "asked with the call locked, in the test of `phone_call.corrected_already`",
    "phone_call.followed": "asked with the call locked, in the test of `phone_call.corrected_already`",
    "email.not_sent": "asked with the e-mail locked, in the test of `email.not_in_doubt`",
    "reply.not_matched": "staff assign it; asked again with the reply locked, in the test of `reply.decided`",
    "reply.from_patient": "asked before; assigned to a patient's letter meanwhile, it is `reply.changed_meanwhile`",
    "reply.changed_meanwhile": "asked with the e-mail and the reply locked, in the test of `reply.decided`",
    "reply.too_early": "asked with the e-mail locked, in the test of `email.not_in_doubt`",
    "email.not_draft": "asked with the e-mail locked, in the test of `email.not_in_doubt`",
    "email.composed": "who wrote an e-mail never changes",
    "email.gone_out": "asked with the e-mail locked, in the test of `email.not_in_doubt`",
    "email.not_asked": "asked with the practice and the request locked",
    "email.not_answered": "asked with the practice and the request locked",
    "email.not_wanted": "a question of the copy; asked again when the e-mail goes",
    "email.no_address": "a question of the copy; the address is looked up again when the e-mail goes",
    "template.in_use": "asked with all templates of the kind and language locked, and an index that is unique",
    "import.not_completed": "asked with the import locked, in the test of `import.undo_asked`",
    "import_review.import_undone": "a decision that is reopened in the moment of the undo waits, and is shown",
    "import_review.superseded": "asked with the review locked, in the test of `import_review.decided`",
    "import_review.not_decided": "asked with the review locked, in the test of `import_review.decided`",
    "import_review.nothing_left": "asked with the review locked, in the test of `import_review.decided`",
    "import_review.other_therapist": "asked with the review locked, in the test of `import_review.decided`",
    "import_review.therapist_gone": "asked with the review locked, in the test of `import_review.decided`",
    "import_review.alone": "which candidates a review has does not change while it waits",
    "import_review.changed_meanwhile": "is itself what the second one is told",
    "dead_letter.unreadable": "the bytes of an event never change",
    "export.merged_meanwhile": "is itself a race (tests/patient_service/test_exports.py)",
    "idempotency_key.running": "is itself what the second one is told (tests/shared/http/test_idempotency.py)",
}


def conflicts() -> Iterator[str]:
    """The code of every `Conflict`, also of kinds of it, whether named where they are raised or once for all."""
    files = [tree(path) for path in sources("shared", *SERVICES)]
    classes = [node for file in files for node in ast.walk(file) if isinstance(node, ast.ClassDef)]
    kinds = [node for node in classes if "Conflict" in map(ast.unparse, node.bases)]
    names = {"Conflict", *(node.name for node in kinds)}
    inside = {call for kind in kinds for call in ast.walk(kind) if isinstance(call, ast.Call)}
    for call in (node for file in files for node in ast.walk(file) if isinstance(node, ast.Call)):
        if call in inside or ast.unparse(call.func) in names:
            yield from (word for each in call.args if (word := _code(each)))


def _code(argument: ast.expr) -> str | None:
    is_code = isinstance(argument, ast.Constant) and re.fullmatch(r"[a-z_]+\.[a-z_]+", str(argument.value))
    return str(argument.value) if is_code else None  # type: ignore[attr-defined]


def test_every_conflict_has_a_race_or_a_reason() -> None:
    """What was true a moment ago is no guarantee: a constraint or a lock is, and a race shows which."""
    tried = "".join(
        path.read_text() for path in ROOT.glob("tests/*/test*_races.py") if path.parent.name != "architecture"
    )
    found = set(conflicts())
    assert len(found) > 15
    assert {code for code in found if f'"{code}"' not in tried} == set(WITHOUT_A_RACE)
