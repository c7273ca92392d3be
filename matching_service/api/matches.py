"""The endpoint to matching."""

from __future__ import annotations

from matching_service.api.rules import ask_again_rules
from matching_service.domain import matches
from matching_service.domain.schemas import MatchesView, MatchQuestion
from shared.database import single_statements
from shared.http import Resource, endpoint
from shared.runtime import clock


class Matches(Resource):
    """Therapists who fit a patient."""

    @endpoint(body=MatchQuestion, answer=MatchesView, statuses=(404,))
    def post(self, body: MatchQuestion) -> MatchesView:
        """Find therapists who fit a patient, best first, with reasons.

        A score has three parts: nearness (0-32), potentially available (40), certainty (28, less 4 for each
        criterion that cannot be checked). Distances are straight lines, travel times are estimated from them.
        """
        with single_statements() as executor:
            return matches.find(executor, body, today=clock.today(), rules=ask_again_rules())
