"""Events between services: recorded with the change, published in order by the relay, handled once by listeners."""
