"""What vendors send to us. Verified before anything else, idempotent, and answered before anything slow is done."""
