"""OpenAI's chat completions: words into a form.

Bearer sign-in, JSON both ways; the result is asked for by `response_format` with a strict JSON schema and comes as a string of JSON, or as
a refusal, or cut short. Nothing is kept there that matters, so everything is a question. A 429 throttles, also where it says that the
money is used up. No limit is published but per account, nor a time-out. Healthy is every answer in their own envelope.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from kernel.operation import Class
from kernel.partner import PartnerOperation, Sheet

VENDOR: Final = "openai"

SHEET: Final = Sheet(
    vendor=VENDOR,
    purpose="words into forms",
    documentation="https://platform.openai.com/docs/api-reference/chat",
    operations={
        "fill": PartnerOperation(Class.READ, timedelta(seconds=60)),
        "models": PartnerOperation(Class.READ, timedelta(seconds=15), look_up=True),
    },
    limit=5,
    published="per model and account",
)
