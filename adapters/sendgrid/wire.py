"""SendGrid's JSON under its own names."""

from __future__ import annotations

from typing import TypedDict


class Address(TypedDict, total=False):
    email: str
    name: str


class Personalization(TypedDict):
    to: list[Address]
    custom_args: dict[str, str]


class Content(TypedDict):
    type: str
    value: str


class Switch(TypedDict):
    enable: bool


class ClickSwitch(Switch):
    enable_text: bool


class Tracking(TypedDict):
    click_tracking: ClickSwitch
    open_tracking: Switch
    subscription_tracking: Switch


MailRQ = TypedDict(
    "MailRQ",
    {
        "personalizations": list[Personalization],
        "from": Address,
        "subject": str,
        "content": list[Content],
        "tracking_settings": Tracking,
    },
)
