"""Endpoint to public holidays."""

from __future__ import annotations

from geocoding_service.domain import public_holidays
from geocoding_service.domain.schemas import HolidayList, HolidaysQuery
from shared.http import Context, Resource, endpoint


class HolidayCollection(Resource):
    """Public holidays."""

    @endpoint(query=HolidaysQuery, response=HolidayList, transaction=False)
    def get(self, context: Context[None], query: HolidaysQuery) -> HolidayList:
        """List public holidays, of some federal states (`NW,BY`) or, where it is not known, of all.

        `partial` says that a day is a holiday in part of these states only, and `where`; nobody is phoned in these
        states that day either. Nor on the days in `no_calls_on`, nor on the agency's own closing days.
        """
        return public_holidays.list_days(query, today=context.today)
