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

        A score is the sum of its parts: staff's hint, what was said of places, nearness, certainty, the practice's
        preference for the group of the diagnosis, the patient's wishes, earlier answers of the practice, its load this
        week, and fairness towards who has searched for longer. Equal scores: the nearer, then the lower id. Distances
        are straight lines, travel times are estimated from them.
        """
        return matches.find(
            context.session,
            body,
            rules=context.dependencies.rules,
            weights=context.dependencies.weights,
            days_apart=context.dependencies.days_between_email_and_call,
            today=context.today,
            now=context.now,
            language=context.language,
        )
