"""The Cloud API's JSON under its own names."""

from __future__ import annotations

from typing import TypedDict


class Parameter(TypedDict):
    type: str
    text: str


class Component(TypedDict):
    type: str
    parameters: list[Parameter]


class Language(TypedDict):
    policy: str
    code: str


class Template(TypedDict):
    name: str
    language: Language
    components: list[Component]


class MessageRQ(TypedDict):
    messaging_product: str
    recipient_type: str
    to: str
    type: str
    template: Template
    biz_opaque_callback_data: str
