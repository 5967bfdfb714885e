"""What tests stand on: real servers, fakes of partners, ways to break things."""
