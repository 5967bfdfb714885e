"""The three front doors: HTTP, sockets and sign-in. They know who asks and in which form; what may be done is known further down."""
