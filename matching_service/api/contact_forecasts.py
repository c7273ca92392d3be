"""Endpoints to how and when practices would be asked."""

from __future__ import annotations

from matching_service.dependencies import Dependencies
from matching_service.domain import contact_forecasts
from matching_service.domain.forecast_schemas import ContactForecastQuestion, ContactForecastsView
from shared.http import READ_ONLY, Context, Resource, endpoint


class ContactForecastCollection(Resource):
    """Forecasts of contacts."""

    @endpoint(body=ContactForecastQuestion, response=ContactForecastsView, statuses=(404,), replay=READ_ONLY)
    def post(self, context: Context[Dependencies], body: ContactForecastQuestion) -> ContactForecastsView:
        """Say how and when therapists would be asked for a patient, and why not at once; nobody is asked.

        Whether they fit is another question (`POST /api/matches` with `therapist_ids`).
        """
        days = context.dependencies.days_between_email_and_call
        return contact_forecasts.forecast(context.session, body, days_apart=days, now=context.now)
