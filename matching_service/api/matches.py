"""The endpoint to matching."""

from __future__ import annotations

from matching_service.dependencies import Dependencies
from matching_service.domain import matches
from matching_service.domain.match_schemas import MatchesView, MatchQuestion
from shared.http import READ_ONLY, Context, Resource, endpoint


class MatchCollection(Resource):
    """Therapists who fit a patient."""

    @endpoint(body=MatchQuestion, response=MatchesView, statuses=(404,), replay=READ_ONLY)
    def post(self, context: Context[Dependencies], body: MatchQuestion) -> MatchesView:
        """Find therapists who fit a patient, best first, with reasons.

        A score has four parts: nearness (0-32), potentially available (40), certainty (28, less 4 for each
        criterion that cannot be checked), and a preference of the practice for the group of the patient's diagnosis,
        which takes its points from nearness. Distances are straight lines, travel times are estimated from them.
        """
        return matches.find(
            context.session,
            body,
            rules=context.dependencies.rules,
            weights=context.dependencies.weights,
            today=context.today,
            language=context.language,
        )
