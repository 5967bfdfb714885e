"""Anthropic's messages: words into a form.

Signed in by `x-api-key`, or as a bearer where the account says so, with a version beside it; JSON both ways. The result is asked for as
the one tool that must be used, and comes as that tool's input, or not at all: a refusal, or cut short. Nothing is kept there that matters,
so everything is a question. 429 and 529 (overloaded) throttle. No limit is published but per tier, nor a time-out. Healthy is every
answer in their own envelope. They publish nothing cheaper to ask, so whether they are back is asked by a message of one token.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "anthropic"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="words into forms",
    documentation="https://docs.anthropic.com/en/api/messages",
    operations={"fill": PartnerOperation(Class.READ, timedelta(seconds=60))},
    limit=5,
    published="per tier",
)
