"""Notifications tells passengers and operators what happened, at most once per trigger, channel and subject."""
