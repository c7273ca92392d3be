"""Endpoint to public holidays."""

from __future__ import annotations

from geocoding_service.domain import public_holidays
from geocoding_service.domain.schemas import HolidayList, HolidaysQuery
from shared.http import Resource, endpoint
from shared.runtime import clock


class Holidays(Resource):
    """Public holidays."""

    @endpoint(query=HolidaysQuery, answer=HolidayList)
    def get(self, query: HolidaysQuery) -> HolidayList:
        """List public holidays, of one federal state or, where it is not known, of all.

        `partial` says that a day is a holiday in part of these states only; nobody is phoned there that day either.
        """
        return public_holidays.listed(query, today=clock.today())
