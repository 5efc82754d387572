"""What a participant does with its offers, and an operator with those of participants.

An offer draws on a pool of units (`app.offers.pools`): whoever promises more of one holds the pool's lock,
then the participant's row, then the offer's row, always in this order. Nothing here touches an order: what
was ordered keeps its price, and what is held stays held until it is paid or given back.
"""

from app.selling.service.changing import change
from app.selling.service.deciding import approve, send_back, submit
from app.selling.service.drawing_up import copy, draw_up
from app.selling.service.halting import (
    freeze,
    freeze_all,
    freeze_project,
    freeze_units,
    pause,
    pause_all,
    resume,
    thaw,
    withdraw,
)
from app.selling.service.prices import drop_planned_price, plan_price
from app.selling.service.rows import SWEEPER
from app.selling.service.schedule import SCHEDULED, run_schedule

__all__ = [
    "SCHEDULED",
    "SWEEPER",
    "approve",
    "change",
    "copy",
    "draw_up",
    "drop_planned_price",
    "freeze",
    "freeze_all",
    "freeze_project",
    "freeze_units",
    "pause",
    "pause_all",
    "plan_price",
    "resume",
    "run_schedule",
    "send_back",
    "submit",
    "thaw",
    "withdraw",
]
