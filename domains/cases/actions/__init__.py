"""One function per command, one verb per file. The work comes first, the command second, ports after it; the caller commits."""

from domains.cases.actions.answer import accept_offer, decline_offer
from domains.cases.actions.demand import (
    Placed,
    Unplaced,
    decide_demand,
    group_sub_cases,
    place_wave,
    request_demand,
    ungroup_sub_cases,
)
from domains.cases.actions.flight import change_next_flight, reinstate_flight
from domains.cases.actions.issue import Vouchers, issue_vouchers
from domains.cases.actions.lock import acquire_lock, release_lock, release_session
from domains.cases.actions.offer import attach_card, detach_card, publish_offer, withdraw_offer
from domains.cases.actions.once import answer_of, forget_answers, keep_answer
from domains.cases.actions.open import declare_disruption, manifest_unusable, provision_manifest
from domains.cases.actions.review import (
    claim_review,
    close_review,
    end_workflow,
    open_review,
    put_back_review,
    resolve_review,
    step_refused,
)
from domains.cases.actions.settle import refresh_case
from domains.cases.actions.workflow import Redriven, cancel_workflow, redrive_outage, redrive_workflow, skip_step

__all__ = [
    "Placed",
    "Redriven",
    "Unplaced",
    "Vouchers",
    "accept_offer",
    "acquire_lock",
    "answer_of",
    "attach_card",
    "cancel_workflow",
    "change_next_flight",
    "claim_review",
    "close_review",
    "decide_demand",
    "declare_disruption",
    "decline_offer",
    "detach_card",
    "end_workflow",
    "forget_answers",
    "group_sub_cases",
    "issue_vouchers",
    "keep_answer",
    "manifest_unusable",
    "open_review",
    "place_wave",
    "provision_manifest",
    "publish_offer",
    "put_back_review",
    "redrive_outage",
    "redrive_workflow",
    "refresh_case",
    "reinstate_flight",
    "release_lock",
    "release_session",
    "request_demand",
    "resolve_review",
    "skip_step",
    "step_refused",
    "ungroup_sub_cases",
    "withdraw_offer",
]
